from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from components.jobs.errors import JobError
from components.jobs.job import Mode
from components.jobs.jobs_file import JobOverride, merge, read_jobs_file

if TYPE_CHECKING:
    from pathlib import Path

LABELS = {
    "joulepilot.enable": "true",
    "joulepilot.target-ms": "7",
    "joulepilot.metrics": "prometheus:8002/metrics",
    "joulepilot.max-cpus": "4",
}


@pytest.fixture
def jobs_toml(tmp_path: Path) -> Path:
    return tmp_path / "jobs.toml"


def _live(**values: str) -> JobOverride:
    named = {key.replace("_", "-"): text for key, text in values.items()}
    return JobOverride("web", named, "live.json")


def test_a_file_that_is_not_there_says_nothing(jobs_toml: Path) -> None:
    assert read_jobs_file(jobs_toml) == {}


def test_values_are_read_as_labels_would_say_them(jobs_toml: Path) -> None:
    jobs_toml.write_text("""
        [jobs.web]
        target-ms = 6.5
        batch-size = 4
        enable = true
        devices = ["cpu", "dgpu:0"]
        metrics = "prometheus:8002/metrics"
        deferrable-until = 2027-01-31T06:00:00Z

        [jobs."my.other job"]
        mode = "off"
    """)
    jobs = read_jobs_file(jobs_toml)
    assert dict(jobs["web"].values) == {
        "target-ms": "6.5",
        "batch-size": "4",
        "enable": "true",
        "devices": "cpu,dgpu:0",
        "metrics": "prometheus:8002/metrics",
        "deferrable-until": "2027-01-31T06:00:00+00:00",
    }
    assert dict(jobs["my.other job"].values) == {"mode": "off"}


def test_a_container_without_labels_is_managed_by_the_file(jobs_toml: Path) -> None:
    jobs_toml.write_text('[jobs.web]\ntarget-ms = 7\nmetrics = "prometheus:8002/metrics"\n')
    job = merge("web", None, read_jobs_file(jobs_toml)["web"], {})
    assert job is not None
    assert job.target.latency_ms == 7.0


def test_live_wins_over_file_and_file_over_label(jobs_toml: Path) -> None:
    jobs_toml.write_text('[jobs.web]\ntarget-ms = 8\nmode = "recommend"\n')
    job = merge("web", _live(target_ms="9"), read_jobs_file(jobs_toml)["web"], LABELS)
    assert job is not None
    assert job.target.latency_ms == 9.0
    assert job.mode is Mode.RECOMMEND
    assert job.max_cpus == 4
    assert merge("web", None, None, LABELS) != job


def test_file_and_live_can_disable_what_labels_enable() -> None:
    off = JobOverride("web", {"enable": "false"}, "jobs.toml")
    assert merge("web", None, off, LABELS) is None
    assert merge("web", off, None, LABELS) is None
    assert merge("web", _live(target_ms="9"), off, LABELS) is not None


def test_nothing_said_is_no_job() -> None:
    assert merge("web", None, None, {}) is None


def test_a_bad_job_of_the_file_spares_the_others(jobs_toml: Path) -> None:
    jobs_toml.write_text("[jobs.web]\ntarget-ms = 0\n[jobs.api]\ntarget-ms = 8\n")
    jobs = read_jobs_file(jobs_toml)
    with pytest.raises(JobError) as raised:
        merge("web", None, jobs["web"], LABELS)
    assert f"target-ms of [jobs.web] in {jobs_toml}" in raised.value.asked
    assert merge("api", None, jobs["api"], LABELS) is not None


def test_an_unknown_key_names_file_table_and_nearest_key(jobs_toml: Path) -> None:
    jobs_toml.write_text("[jobs.web]\ntarget_ms = 8\n")
    with pytest.raises(JobError, match="did you mean 'target-ms'") as raised:
        merge("web", None, read_jobs_file(jobs_toml)["web"], LABELS)
    assert f"target_ms of [jobs.web] in {jobs_toml}" in raised.value.asked


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[jobs.web\n", "cannot be read"),
        ("[job.web]\ntarget-ms = 7\n", r"'job'.*did you mean \[jobs.NAME\]"),
        ("jobs = 3\n", "'jobs'"),
        ("[jobs]\nweb = 7\n", "'jobs.web'"),
        ("[jobs.web]\ntarget-ms = [7]\n", "'jobs.web.target-ms'"),
        ("[jobs.web.target]\nms = 7\n", "'jobs.web.target'"),
    ],
)
def test_a_file_of_another_build_is_named_with_its_key(
    jobs_toml: Path, text: str, named: str
) -> None:
    jobs_toml.write_text(text)
    with pytest.raises(JobError, match=named) as raised:
        read_jobs_file(jobs_toml)
    assert str(jobs_toml) in raised.value.asked


def test_bytes_that_are_no_text_are_named(jobs_toml: Path) -> None:
    jobs_toml.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(JobError, match="cannot be read"):
        read_jobs_file(jobs_toml)
