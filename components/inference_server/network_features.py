"""What a network's graph amounts to, as whoever made the file worked it out: shown, not used."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

from components.inference_server.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path


def read_features(path: Path | None) -> dict[str, float]:
    """Read a file of names and finite numbers; none without a file.

    Raises:
        ModelError: it is unreadable, or holds something else.
    """
    if path is None:
        return {}
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(said, dict):
            values = {str(name): float(value) for name, value in said.items()}
            if all(math.isfinite(value) for value in values.values()):
                return values
        found = "it is no object of names and finite numbers"
    except (OSError, ValueError, TypeError) as error:
        found = str(error)
    raise ModelError(
        f"asked to show the features in {path}",
        found,
        "write it by joulepilot device choose MODEL.onnx --features-out FILE",
    )
