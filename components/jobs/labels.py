"""A job as the labels of its container describe it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.jobs.settings import Setting, job_from_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.jobs.job import Job

PREFIX = "joulepilot."


def job_from_labels(container_name: str, labels: Mapping[str, str]) -> Job | None:
    """Read a job from labels; None when they do not say `joulepilot.enable=true`.

    Raises:
        JobError: a key is unknown, a value bad, or one that is needed missing.
    """
    return job_from_settings(container_name, settings_from_labels(container_name, labels))


def settings_from_labels(container_name: str, labels: Mapping[str, str]) -> dict[str, Setting]:
    """Pick the labels that are ours, by key without prefix."""
    return {
        label.removeprefix(PREFIX): Setting(text, f"label {label} of container {container_name}")
        for label, text in labels.items()
        if label.startswith(PREFIX)
    }
