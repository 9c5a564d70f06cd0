from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from components.actuation.errors import (
    ApplyError,
    ContainerGoneError,
    EngineFailedError,
    HostAwayError,
    RefusedError,
)

if TYPE_CHECKING:
    from components.actuation.docker_host import DockerHost

ID = "9cdffedcecb6184b01596b8f7a02421cf86f0602bdf1ee5089925038edbd5136"


def _set(*cpus: int) -> frozenset[int]:
    return frozenset(cpus)


def _narrow_parent(engine: Any, text: str) -> None:
    (engine.folder.parent / engine.effective_file).write_text(text)


def test_a_container_is_listed_with_its_address(host: DockerHost) -> None:
    (container,) = host.containers()
    assert (container.id, container.name, container.image) == (ID, "web", "server:1")
    assert container.image_digest == "sha256:3402ca"
    assert container.labels == {"joulepilot.enable": "true"}
    assert container.address == "172.17.0.2"


def test_applied_cpus_are_those_of_the_cgroup(engine: Any, host: DockerHost) -> None:
    assert host.effective_cpus(ID) == frozenset(range(8))
    assert host.apply(ID, _set(1, 2, 5)) == _set(1, 2, 5)
    assert engine.updates == [{"CpusetCpus": "1-2,5"}]
    assert host.configured_cpus(ID) == "1-2,5"
    assert host.effective_cpus(ID) == _set(1, 2, 5)


def test_no_update_is_sent_that_changes_nothing(engine: Any, host: DockerHost) -> None:
    host.apply(ID, frozenset(range(8)))
    host.apply(ID, _set(0, 1))
    host.apply(ID, _set(0, 1))
    engine.cpuset = "1,00"
    host.apply(ID, _set(0, 1))
    assert engine.updates == [{"CpusetCpus": "0-1"}]


def test_a_setting_that_differs_from_the_cgroup_is_written_again(
    engine: Any, host: DockerHost
) -> None:
    host.apply(ID, _set(0, 1))
    (engine.folder / engine.effective_file).write_text("0-7\n")
    assert host.apply(ID, _set(0, 1)) == _set(0, 1)
    engine.cpuset = "4"
    assert host.apply(ID, _set(0, 1)) == _set(0, 1)
    assert len(engine.updates) == 3


@pytest.mark.parametrize("cpus", [_set(), _set(8), _set(0, 99)])
def test_empty_and_offline_cpus_are_refused_before_anything_is_sent(
    engine: Any, host: DockerHost, cpus: frozenset[int]
) -> None:
    with pytest.raises(RefusedError, match=r"choose from \[0-7\]"):
        host.apply(ID, cpus)
    assert engine.updates == []


def test_cpus_outside_the_parent_are_refused(engine: Any, host: DockerHost) -> None:
    _narrow_parent(engine, "2-5")
    with pytest.raises(RefusedError, match=r"\[0-1\] are not available; choose from \[2-5\]"):
        host.apply(ID, _set(0, 1, 2))
    assert engine.updates == []


def test_a_kernel_that_uses_another_set_is_not_believed_to_obey(
    engine: Any, host: DockerHost
) -> None:
    engine.drops_updates = True
    with pytest.raises(ApplyError, match=r"asked for CPUs \[0\].*the kernel uses \[0-7\]"):
        host.apply(ID, _set(0))


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, RefusedError),
        (403, RefusedError),
        (404, ContainerGoneError),
        (409, RefusedError),
        (500, EngineFailedError),
        (503, EngineFailedError),
    ],
)
def test_each_refusal_has_its_own_error_with_the_engine_s_words(
    engine: Any, host: DockerHost, status: int, error: type[Exception]
) -> None:
    engine.scripted = [(status, {"message": "because it says so"})]
    with pytest.raises(error, match=f"answered {status}: because it says so"):
        host.configured_cpus(ID)


@pytest.mark.parametrize(("status", "error"), [(400, RefusedError), (409, RefusedError)])
def test_an_update_that_the_engine_refuses_is_refused(
    engine: Any, host: DockerHost, status: int, error: type[Exception]
) -> None:
    inspection = engine.answer("GET", f"/v1.41/containers/{ID}/json", None)
    engine.scripted = [inspection, (status, {"message": "no"})]
    with pytest.raises(error, match="no"):
        host.apply(ID, _set(0))


def test_an_engine_that_fails_on_a_running_container_may_be_asked_again(
    engine: Any, host: DockerHost
) -> None:
    inspection = engine.answer("GET", f"/v1.41/containers/{ID}/json", None)
    engine.scripted = [inspection, (500, {"message": "ttrpc: closed"})]
    with pytest.raises(ApplyError, match="ttrpc: closed"):
        host.apply(ID, _set(0))
    assert host.apply(ID, _set(0)) == _set(0)


def test_a_container_that_stops_during_an_update_is_gone(engine: Any, host: DockerHost) -> None:
    engine.stops_on_update = True
    with pytest.raises(ContainerGoneError, match="not running"):
        host.apply(ID, _set(0))


def test_what_has_stopped_is_gone_for_every_reading(engine: Any, host: DockerHost) -> None:
    host.effective_cpus(ID)
    engine.stop()
    for act in (host.effective_cpus, host.run_queue_wait_s):
        with pytest.raises(ContainerGoneError, match="not running"):
            act(ID)
    with pytest.raises(ContainerGoneError, match="not running"):
        host.apply(ID, _set(0))


def test_what_was_removed_is_gone(engine: Any, host: DockerHost) -> None:
    engine.is_removed = True
    assert host.containers() == ()
    with pytest.raises(ContainerGoneError, match="404: No such container"):
        host.apply(ID, _set(0))
    with pytest.raises(ContainerGoneError):
        host.restore(ID, "")


def test_a_container_that_had_no_cpuset_is_freed_by_name(engine: Any, host: DockerHost) -> None:
    host.apply(ID, _set(3))
    assert host.restore(ID, "") == frozenset(range(8))
    assert engine.updates[-1] == {"CpusetCpus": "0-7"}


def test_what_is_restored_is_written_also_where_it_seems_so_already(
    engine: Any, host: DockerHost
) -> None:
    host.apply(ID, _set(3))
    for _ in range(2):  # an update of a writer that was killed may still wait in the engine
        assert host.restore(ID, "") == frozenset(range(8))
    assert len(engine.updates) == 3


def test_freeing_stays_within_the_parent(engine: Any, host: DockerHost) -> None:
    host.apply(ID, _set(3))
    _narrow_parent(engine, "2-5")
    assert host.restore(ID, "") == _set(2, 3, 4, 5)


def test_the_literal_setting_is_restored(engine: Any, host: DockerHost) -> None:
    engine.cpuset = "5,4"
    original = host.configured_cpus(ID)
    host.apply(ID, _set(0))
    assert host.restore(ID, original) == _set(4, 5)
    assert engine.cpuset == "5,4"


def test_restoring_leaves_out_cpus_that_went_offline(engine: Any, host: DockerHost) -> None:
    (engine.root / "sys/devices/system/cpu/online").write_text("0-3\n")
    assert host.restore(ID, "2-5") == _set(2, 3)
    assert host.restore(ID, "6-7") == _set(0, 1, 2, 3)


def test_a_stopped_container_gets_its_setting_back_for_its_next_start(
    engine: Any, host: DockerHost
) -> None:
    host.apply(ID, _set(0))
    engine.stop()
    assert host.restore(ID, "") == frozenset(range(8))
    assert host.restore(ID, "") == frozenset(range(8))
    assert engine.updates[1:] == [{"CpusetCpus": "0-7"}]
    assert host.restore(ID, "1,0") == _set(0, 1)
    assert engine.cpuset == "1,0"


def test_cpu_time_and_waiting_come_from_the_kernel(host: DockerHost) -> None:
    assert host.cpu_time_s(ID) == 1.5
    assert host.run_queue_wait_s(ID) == pytest.approx(0.5)


def test_waiting_that_cannot_be_seen_is_none(engine: Any, host: DockerHost) -> None:
    shutil.rmtree(engine.root / "proc/4243")
    shutil.rmtree(engine.root / "proc/4242/task")
    assert host.run_queue_wait_s(ID) is None


def test_one_connection_and_one_inspection_serve_many_readings(
    engine: Any, server: Any, host: DockerHost
) -> None:
    for _ in range(20):
        host.effective_cpus(ID)
        host.cpu_time_s(ID)
    assert server.n_accepted == 1
    assert [path for _, path, _ in engine.requests] == ["/_ping", f"/v1.41/containers/{ID}/json"]


@pytest.mark.parametrize("version", ["1.41", "1.44", "1.52", "2.0"])
def test_the_newest_version_of_the_engine_is_spoken(
    engine: Any, host: DockerHost, version: str
) -> None:
    engine.api_version = version
    assert len(host.containers()) == 1
    assert engine.requests[-1][1] == f"/v{version}/containers/json"


@pytest.mark.parametrize(
    ("answer", "lacks"), [({"Id": ID}, "State"), ([], "indices"), (None, "subscriptable")]
)
def test_an_answer_of_another_shape_is_no_value(
    engine: Any, host: DockerHost, answer: object, lacks: str
) -> None:
    engine.scripted = [(200, answer)]
    with pytest.raises(HostAwayError, match=lacks):
        host.configured_cpus(ID)


def test_an_engine_restart_is_survived(engine: Any, server: Any, host: DockerHost) -> None:
    host.containers()
    server.break_connections()
    engine.api_version = "1.44"
    assert len(host.containers()) == 1
    assert server.n_accepted == 2


def test_a_container_whose_gpu_an_update_can_take_away_is_not_moved(engine, server, host):
    inspection = engine._inspection()
    inspection["HostConfig"]["Runtime"] = "nvidia"
    engine.scripted = [(200, inspection), (200, {"CgroupDriver": "systemd"})]

    with pytest.raises(RefusedError, match="take the GPU away"):
        host.apply(inspection["Id"], frozenset({0, 1}))

    assert engine.updates == []
    engine.scripted = [(200, inspection), (200, {"CgroupDriver": "cgroupfs"})]
    assert host.apply(inspection["Id"], frozenset({0, 1})) == {0, 1}
