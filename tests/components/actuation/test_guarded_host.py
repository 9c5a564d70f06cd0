"""What is refused where the write happens, on a made-up node."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from components.actuation.errors import ApplyError, RefusedError
from components.actuation.guarded_host import GuardedHost, WriteLimits
from components.madeup.node import reference_node

if TYPE_CHECKING:
    from pathlib import Path

    from components.madeup.node import MadeUpNode

LIMITS = WriteLimits(per_container=3, per_node=5, within_s=10.0)


@pytest.fixture
def node(tmp_path: Path) -> MadeUpNode:
    return reference_node(tmp_path, seed=1)


def guarded(node: MadeUpNode, *, managed: bool = True, allowed: int = 64) -> GuardedHost:
    return GuardedHost(
        node.host,
        is_managed=lambda container: managed and container.name == "resnet",
        allowed=frozenset(range(allowed)),
        monotonic_s=node.clock.monotonic_s,
        limits=LIMITS,
    )


def test_a_managed_container_is_changed_and_read_back(node: MadeUpNode) -> None:
    container = node.container("resnet")
    cpus = guarded(node).apply(container.id, frozenset({0, 1}))
    assert cpus == node.host.effective_cpus(container.id) == {0, 1}


def test_a_container_that_is_not_managed_is_not_changed(node: MadeUpNode) -> None:
    container = node.container("resnet")
    before = node.host.effective_cpus(container.id)
    with pytest.raises(RefusedError, match="nothing says that joulepilot may change it"):
        guarded(node, managed=False).apply(container.id, frozenset({0}))
    with pytest.raises(RefusedError, match="lists no such container"):
        guarded(node).apply("0" * 64, frozenset({0}))
    assert node.host.effective_cpus(container.id) == before


def test_cpus_that_may_not_be_given_are_named(node: MadeUpNode) -> None:
    container = node.container("resnet")
    with pytest.raises(RefusedError, match=r"\[8-9\] may not be given"):
        guarded(node, allowed=8).apply(container.id, frozenset(range(10)))


def test_too_many_changes_are_refused_until_time_has_passed(node: MadeUpNode) -> None:
    container, host = node.container("resnet"), guarded(node)
    for width in (1, 2, 3):
        host.apply(container.id, frozenset(range(width)))
    with pytest.raises(ApplyError, match="it was changed 3 times within 10 s"):
        host.apply(container.id, frozenset(range(4)))
    assert len(node.host.effective_cpus(container.id)) == 3
    node.clock.sleep(LIMITS.within_s)
    assert len(host.apply(container.id, frozenset(range(4)))) == 4


def test_giving_back_is_never_refused(node: MadeUpNode) -> None:
    container = node.container("resnet")
    original = node.host.configured_cpus(container.id)
    host = guarded(node)
    for _ in range(3):
        host.apply(container.id, frozenset({0}))
    strict = guarded(node, managed=False, allowed=1)
    assert strict.restore(container.id, original) == node.host.effective_cpus(container.id)
    assert host.configured_cpus(container.id) == node.host.configured_cpus(container.id)
    assert host.cpu_time_s(container.id) >= 0
