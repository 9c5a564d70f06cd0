"""The one way ONNX Runtime is loaded and asked: quiet, one thread, nothing phoned home."""

from __future__ import annotations

import ctypes
import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType


def load_onnxruntime() -> ModuleType:
    """Import ONNX Runtime with its telemetry off; it reads the switch once, when imported."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    return importlib.import_module("onnxruntime")


def open_session(graph: bytes) -> Any:
    """Open a graph on one thread that does not spin, so that deciding costs the node little."""
    onnxruntime = load_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_cpu_mem_arena = False  # it would hold on to megabytes, and is no faster here
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def give_back_memory() -> None:
    """Return to the system what was freed: some megabytes after graphs were opened; if libc can."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
