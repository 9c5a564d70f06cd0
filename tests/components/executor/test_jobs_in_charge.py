from dataclasses import dataclass
from pathlib import Path

import pytest

from components.actuation.host import Container
from components.executor.jobs_in_charge import JobsInCharge
from components.jobs.live_overrides import LiveOverrides

LABELS = {
    "joulepilot.enable": "true",
    "joulepilot.target-ms": "7",
    "joulepilot.metrics": "prometheus:8002/metrics",
}


@dataclass
class Listing:
    """A host that only lists."""

    found: tuple[Container, ...]

    def containers(self) -> tuple[Container, ...]:
        return self.found


def container(name: str, **labels: str) -> Container:
    return Container(name, name, "image", "sha256:0", LABELS | labels)


@pytest.mark.parametrize(
    ("only", "names"),
    [(None, {"mine", "theirs"}), (("team", "a"), {"mine"}), (("team", ""), set())],
)
def test_with_a_label_asked_for_no_other_container_is_looked_at(
    tmp_path: Path, only: tuple[str, str] | None, names: set[str]
) -> None:
    host = Listing((container("mine", team="a"), container("theirs", team="b")))
    in_charge = JobsInCharge(tmp_path / "jobs.toml", LiveOverrides(tmp_path / "live"), only)
    discovery = in_charge.discover(host)  # type: ignore[arg-type]  # it only lists
    assert {managed.job.name for managed in discovery.managed} == names
    assert discovery.container_ids == {"mine", "theirs"}
