import threading
import time

import pytest

from components.inference_server.errors import BusyError
from components.inference_server.turnstile import Turnstile


def _wait_for_waiting(turnstile, n):
    deadline = time.monotonic() + 10
    while turnstile.n_waiting != n:
        assert time.monotonic() < deadline, f"{turnstile.n_waiting} wait, not {n}"
        time.sleep(0.001)


def _queue_up(turnstile, numbers, served):
    def go(number):
        with turnstile.turn():
            served.append(number)

    threads = []
    for number in numbers:
        threads.append(threading.Thread(target=go, args=(number,)))
        threads[-1].start()
        _wait_for_waiting(turnstile, len(threads))
    return threads


def test_callers_are_served_in_the_order_they_came():
    turnstile, served = Turnstile(max_waiting=8), []
    with turnstile.turn():
        threads = _queue_up(turnstile, range(8), served)
        assert served == []
    for thread in threads:
        thread.join()
    assert served == list(range(8))


def test_one_more_than_may_wait_is_refused_and_leaves_the_others_alone():
    turnstile, served = Turnstile(max_waiting=2), []
    with turnstile.turn():
        threads = _queue_up(turnstile, range(2), served)
        with pytest.raises(BusyError, match="2 requests wait already"), turnstile.turn():
            served.append("never")
    for thread in threads:
        thread.join()
    assert served == [0, 1]


def test_never_more_than_one_is_through():
    turnstile = Turnstile(max_waiting=64)
    inside, most = [], []

    def go():
        for _ in range(50):
            with turnstile.turn():
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=go) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 400
    assert max(most) == 1


def test_an_error_inside_lets_the_next_through():
    turnstile = Turnstile(max_waiting=1)
    with pytest.raises(ZeroDivisionError), turnstile.turn():
        raise ZeroDivisionError
    with turnstile.turn():
        assert turnstile.n_waiting == 0
