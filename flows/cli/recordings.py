"""`joulepilot recordings`: sweeps measured elsewhere, kept in the home and learned from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from flows.cli.printing import print_table
from models.allocator.recording_store import import_recordings, kept_recording, kept_recordings

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from components.settings.settings import Resolved
    from models.allocator.recordings import Recording


def import_(arguments: argparse.Namespace, resolved: Resolved) -> int:
    """Check and keep recordings; 0 only when every one of them is whole."""
    kept = import_recordings(Path(arguments.source).absolute(), resolved.settings.home)
    if arguments.json:
        print(json.dumps([_facts(recording) for recording in kept]))
        return 0
    _print(kept)
    print("kept; the next retrain learns from them")
    return 0


def list_(arguments: argparse.Namespace, resolved: Resolved) -> int:
    """All that are kept."""
    kept = kept_recordings(resolved.settings.home)
    if arguments.json:
        print(json.dumps([_facts(recording) for recording in kept]))
    elif kept:
        _print(kept)
    else:
        print("none; import some: joulepilot recordings import FILE.csv")
    return 0


def show(arguments: argparse.Namespace, resolved: Resolved) -> int:
    """One of them, allocation by allocation."""
    recording = kept_recording(arguments.name, resolved.settings.home)
    rows = list(zip(recording.candidates, recording.latency_ms, recording.power_w, strict=True))
    if arguments.json:
        allocations = [
            {
                "n_cpus": candidate.n_cpus,
                "layout": str(candidate.layout),
                "latency_mean_ms": float(latency_ms),
                "power_w": float(power_w),
            }
            for candidate, latency_ms, power_w in rows
        ]
        print(json.dumps({**_facts(recording), "allocations": allocations}))
        return 0
    _print([recording])
    print_table(
        ("CPUs", f"latency of {_a(recording.sidecar.latency_unit)}", "node power"),
        [
            (str(candidate), f"{latency_ms:.3f} ms", f"{power_w:.1f} W")
            for candidate, latency_ms, power_w in rows
        ],
    )
    return 0


def _print(recordings: Sequence[Recording]) -> None:
    print_table(
        ("recording", "node class", "model", "batch", "CPUs", "allocations", "targets", "source"),
        [
            (
                recording.name,
                recording.sidecar.node_class,
                recording.sidecar.model,
                str(recording.sidecar.batch_size),
                str(recording.sidecar.n_logical),
                str(len(recording.candidates)),
                ", ".join(f"{target:g}" for target in recording.sidecar.targets_ms) + " ms",
                recording.sidecar.source,
            )
            for recording in recordings
        ],
    )


def _facts(recording: Recording) -> dict[str, object]:
    sidecar = recording.sidecar
    return {
        "name": recording.name,
        "node_class": sidecar.node_class,
        "model": sidecar.model,
        "batch_size": sidecar.batch_size,
        "n_logical": sidecar.n_logical,
        "n_allocations": len(recording.candidates),
        "targets_ms": list(sidecar.targets_ms),
        "source": sidecar.source,
    }


def _a(unit: str) -> str:
    return f"{'an' if unit[0] in 'aeiou' else 'a'} {unit}"
