from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from components.jobs.errors import JobError
from components.jobs.jobs_file import merge
from components.jobs.live_overrides import LiveOverrides

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "node" / "live.json"


def test_nothing_was_said_at_first(path: Path) -> None:
    assert LiveOverrides(path).read() == {}


def test_what_was_said_is_read_by_the_next_process(path: Path) -> None:
    LiveOverrides(path).update("web", {"target-ms": "7", "metrics": "prometheus:8002/metrics"})
    job = merge("web", LiveOverrides(path).read()["web"], None, {})
    assert job is not None
    assert job.target.latency_ms == 7.0


def test_keys_add_up_and_the_last_value_counts(path: Path) -> None:
    live = LiveOverrides(path)
    live.update("web", {"target-ms": "7", "mode": "auto"})
    live.update("web", {"mode": "recommend"})
    live.update("api", {"mode": "off"})
    assert dict(live.read()["web"].values) == {"target-ms": "7", "mode": "recommend"}


def test_a_cleared_job_is_forgotten_and_others_stay(path: Path) -> None:
    live = LiveOverrides(path)
    live.update("web", {"mode": "off"})
    live.update("api", {"mode": "off"})
    live.clear("web")
    live.clear("nobody")
    assert set(live.read()) == {"api"}


@pytest.mark.parametrize("values", [{"target-ms": "0"}, {"target": "7"}])
def test_a_bad_word_changes_nothing(path: Path, values: dict[str, str]) -> None:
    live = LiveOverrides(path)
    live.update("web", {"target-ms": "7"})
    before = path.read_text()
    with pytest.raises(JobError, match="target-ms"):
        live.update("web", values)
    assert path.read_text() == before


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"version": 2, "jobs": {}}', '{"version": 1, "jobs": {"web": {"a": 1}}}'],
)
def test_a_damaged_file_is_named_and_kept(path: Path, text: str) -> None:
    path.parent.mkdir()
    path.write_text(text)
    for act in (LiveOverrides(path).read, lambda: LiveOverrides(path).update("web", {})):
        with pytest.raises(JobError, match=str(path)):
            act()
    assert path.read_text() == text


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JobError, match="asked"):
        LiveOverrides(tmp_path / "file" / "live.json").update("web", {"mode": "off"})
