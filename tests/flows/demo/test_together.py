"""The story of three containers under a joint plan: who is alone, and how jobs are fitted."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from components.jobs.labels import job_from_labels
from flows.demo import together

if TYPE_CHECKING:
    from pathlib import Path

ZERO, ONE, BOTH = frozenset({0}), frozenset({1}), frozenset({0, 1})


@pytest.mark.parametrize(
    ("cpus", "is_so"),
    [
        ((ZERO, ONE, ONE), True),
        ((ZERO, BOTH, ONE), False),  # another one has its CPU, too
        ((ZERO, ONE, frozenset({2})), False),  # nobody shares
        ((BOTH, BOTH, BOTH), False),
    ],
)
def test_a_job_is_alone_where_the_others_share_what_is_left(cpus, is_so: bool) -> None:
    assert together.is_alone(dict(zip("abc", cpus, strict=True)), "a") is is_so


def test_the_three_jobs_fit_this_machine_and_come_in_order(tmp_path: Path) -> None:
    jobs = together.three_jobs(tmp_path)
    assert [job.priority for job in jobs] == [3, 2, 1]
    for job in jobs:
        use = job.rate_per_s * job.target_ms / 1e3 / together.SLACK
        assert use == pytest.approx(together.USE, rel=0.05)
        said = job_from_labels(job.name, job.labels(8002))
        assert said.target.latency_ms == job.target_ms
        assert said.mode.acts


def test_without_an_engine_it_says_so_and_is_no_success(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "flows.demo.together"],
        env=os.environ | {"DOCKER_HOST": f"unix://{tmp_path}/none.sock"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "no Docker engine answers" in done.stderr
    assert not done.stdout
