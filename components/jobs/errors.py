"""Errors about jobs.

PermanentError
└── JobError          a label, a line of jobs.toml or a value about a job is wrong
"""

from components.errors import PermanentError


class JobError(PermanentError):
    """A label, a line of jobs.toml or a value about a job is wrong."""
