"""A job as the labels of its container describe it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.jobs.job import Job

PREFIX = "joulepilot."


def job_from_labels(container_name: str, labels: Mapping[str, str]) -> Job | None:
    """Read a job from labels; None when they do not say `joulepilot.enable=true`.

    Raises:
        JobError: a key is unknown, a value bad, or one that is needed missing.
    """
    raise NotImplementedError
