"""Files of the kernel, read without a `Path`: of every container with every tick."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_CHUNK_BYTES = 65_536


def read_kernel_file(path: Path | str) -> str | None:
    """Its text without white space around; None where it is not there, or went meanwhile."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        content = b""
        while chunk := os.read(descriptor, _CHUNK_BYTES):
            content += chunk
        return content.decode().strip()
    except OSError:
        return None
    finally:
        os.close(descriptor)
