"""The one door to ONNX Runtime in the server, with its phone-home shut before it opens."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType


def load_onnxruntime() -> ModuleType:
    """Import ONNX Runtime.

    Releases since 1.31 report home and keep a thread for it unless told otherwise before the
    import.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    return importlib.import_module("onnxruntime")
