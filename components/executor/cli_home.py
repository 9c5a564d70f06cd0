"""Which home a command is about."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from components.settings.settings import ENVIRONMENT_PREFIX, default_home

if TYPE_CHECKING:
    import argparse


def home_of(arguments: argparse.Namespace) -> Path:
    """The flag, else JOULEPILOT_HOME, else the user's data folder."""
    if arguments.home is not None:
        return Path(arguments.home).absolute()
    said = os.environ.get(f"{ENVIRONMENT_PREFIX}HOME")
    return Path(said).absolute() if said else default_home()
