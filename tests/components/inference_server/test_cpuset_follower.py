import os
import threading
import time

import numpy as np
import pytest

from components.inference_server.cpuset_follower import CpusetFollower
from components.inference_server.errors import ModelError
from components.inference_server.random_images import RandomImages


class Affinity:
    def __init__(self, *cpus):
        self.cpus = set(cpus)

    def __call__(self):
        return self.cpus


class FullMemory:
    """A network of which no session fits any more after the first."""

    def __init__(self, network):
        self.facts = network.facts
        self._first = network.session(1)

    def session(self, n_threads):
        if self._first is None:
            raise ModelError("asked for a session", "there is no memory", "free some")
        first, self._first = self._first, None
        return first


def _wait_until(claim, timeout_s=10.0):
    deadline = time.monotonic() + timeout_s
    while not claim():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.005)


@pytest.mark.parametrize("n_cpus", [1, 2, 3, 8, 13])
def test_there_are_as_many_threads_as_cpus(n_cpus, network):
    affinity = Affinity(*range(n_cpus))
    assert CpusetFollower(network, batch_size=1, affinity=affinity).session.n_threads == n_cpus


def test_a_changed_cpuset_swaps_the_session_and_is_told(network):
    affinity = Affinity(0, 1, 2, 3)
    follower = CpusetFollower(network, batch_size=1, affinity=affinity)
    affinity.cpus = {2}
    follower.follow()
    assert (follower.session.n_threads, follower.n_switches) == (1, 1)
    assert follower.cpus == {2}


def test_other_cpus_of_the_same_number_keep_the_session(network):
    affinity = Affinity(0, 1)
    follower = CpusetFollower(network, batch_size=1, affinity=affinity)
    session = follower.session
    affinity.cpus = {4, 5}
    follower.follow()
    assert follower.session is session
    assert (follower.cpus, follower.n_switches) == ({4, 5}, 0)


def test_more_threads_than_allowed_are_never_made(network):
    affinity = Affinity(*range(64))
    follower = CpusetFollower(network, batch_size=1, max_threads=3, affinity=affinity)
    assert follower.session.n_threads == 3


def test_the_old_session_stays_when_a_new_one_cannot_be_made(network):
    affinity = Affinity(0)
    follower = CpusetFollower(FullMemory(network), batch_size=1, affinity=affinity)
    affinity.cpus = {0, 1}
    with pytest.raises(ModelError):
        follower.follow()
    assert (follower.session.n_threads, follower.cpus) == (1, {0})


def test_the_watcher_goes_on_after_a_session_that_could_not_be_made(network, caplog):
    affinity = Affinity(0)
    follower = CpusetFollower(FullMemory(network), batch_size=1, affinity=affinity)
    follower.start()
    try:
        affinity.cpus = {0, 1}
        _wait_until(lambda: sum("stays at 1 threads" in each for each in caplog.messages) >= 2)
    finally:
        follower.stop()


def test_requests_under_way_are_answered_alike_while_the_width_changes(network):
    affinity = Affinity(0)
    follower = CpusetFollower(network, batch_size=1, affinity=affinity)
    images = RandomImages(network.facts.image_shape, seed=1).batch(2)
    expected = follower.session.run(images)
    answers, stopping = [], threading.Event()

    def ask():
        while not stopping.is_set():
            answers.append(follower.session.run(images))

    asking = threading.Thread(target=ask)
    asking.start()
    follower.start()
    try:
        for n_cpus in (3, 1, 4, 2):
            affinity.cpus = set(range(n_cpus))
            _wait_until(lambda n_cpus=n_cpus: follower.session.n_threads == n_cpus)
    finally:
        stopping.set()
        asking.join()
        follower.stop()
    assert follower.n_switches == 4
    for answer in answers:
        np.testing.assert_allclose(answer, expected, rtol=1e-4, atol=1e-4)


def test_the_affinity_of_this_very_process_is_followed(network):
    before = os.sched_getaffinity(0)
    follower = CpusetFollower(network, batch_size=1)
    assert follower.session.n_threads == len(before)
    try:
        os.sched_setaffinity(0, {min(before)})
        follower.follow()
        assert follower.session.n_threads == 1
    finally:
        os.sched_setaffinity(0, before)
