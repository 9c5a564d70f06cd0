"""Work that may wait, as labels describe it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from components.jobs.deferred import DeferredJob
from components.jobs.errors import JobError
from components.jobs.job import Job, Mode
from components.jobs.jobs_file import merge
from components.jobs.labels import job_from_labels

WORK = {
    "joulepilot.enable": "true",
    "joulepilot.deferrable-until": "2027-01-31T06:00:00+00:00",
    "joulepilot.work": "3600",
}


def test_a_deadline_and_an_amount_of_work_make_work_that_may_wait() -> None:
    more = {"joulepilot.max-cpus": "8", "joulepilot.priority": "2", "joulepilot.mode": "recommend"}

    assert merge("batch", None, None, WORK | more) == DeferredJob(
        name="batch",
        until=datetime(2027, 1, 31, 6, tzinfo=UTC),
        work_cpu_s=3600.0,
        max_cpus=8,
        mode=Mode.RECOMMEND,
        priority=2,
    )


def test_it_is_no_service() -> None:
    assert job_from_labels("batch", WORK) is None


def test_a_service_is_none_of_it() -> None:
    labels = {
        "joulepilot.enable": "true",
        "joulepilot.target-ms": "7",
        "joulepilot.metrics": "prometheus:8002/metrics",
    }
    assert isinstance(merge("web", None, None, labels), Job)


@pytest.mark.parametrize("missing", ["joulepilot.work", "joulepilot.deferrable-until"])
def test_half_of_it_is_told(missing: str) -> None:
    with pytest.raises(JobError, match=f"add {missing}="):
        merge("batch", None, None, {k: v for k, v in WORK.items() if k != missing})


@pytest.mark.parametrize(
    ("key", "text", "found"),
    [
        ("deferrable-until", "2027-01-31T06:00:00", "no time zone"),
        ("work", "-1", "above 0|positive"),
        ("target-ms", "7", "its work may wait"),
        ("min-cpus", "0", "min-cpus"),
    ],
)
def test_what_cannot_be_is_told(key: str, text: str, found: str) -> None:
    with pytest.raises(JobError, match=found):
        merge("batch", None, None, WORK | {f"joulepilot.{key}": text})
