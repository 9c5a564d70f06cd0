"""`joulepilot allocator evaluate`: a policy on sweeps measured elsewhere, beside baselines."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from components.policy.brain import load_brain
from flows.cli.bundle_choice import bundle_folder
from flows.cli.printing import print_table, show_progress
from flows.errors import EvaluationError
from models.allocator.recording_evaluation import (
    cases_of,
    contenders,
    decide_all,
    figures,
    predictions_text,
)
from models.allocator.recordings import read_recordings

if TYPE_CHECKING:
    import argparse

    from components.settings.settings import Resolved
    from models.allocator.recording_evaluation import Figures

_MOST_NOISE = 0.5


def run(arguments: argparse.Namespace, resolved: Resolved) -> int:
    """Let the policy choose for every target of every recording, and write what it chose."""
    _check_noise(arguments.noise, arguments.seed)
    out = _checked_out(Path(arguments.predictions))
    recordings = read_recordings(Path(arguments.folder), besides=out)
    brain = load_brain(bundle_folder(arguments.bundle, resolved.settings.home))
    cases = cases_of(recordings, arguments.noise)
    ours, *others = contenders(brain, arguments.noise, cases)
    with show_progress() as progress:
        chosen = decide_all(ours, cases, arguments.seed, progress)
        _write(out, predictions_text(recordings, chosen))
        rows = [figures(ours, chosen)]
        rows.extend(
            figures(other, decide_all(other, cases, arguments.seed, progress)) for other in others
        )
    if arguments.json:
        facts = {
            "recordings": len(recordings),
            "targets": rows[0].n_targets,
            "noise": arguments.noise,
            "seed": arguments.seed,
            "bundle": brain.digest,
            "predictions": str(out),
            "figures": [asdict(row) for row in rows],
        }
        print(json.dumps(facts))
    else:
        noise = f", each reading with noise {arguments.noise:g}" if arguments.noise else ""
        print(f"{rows[0].n_targets} targets on {len(recordings)} recordings{noise}")
        _print_figures(rows)
        print(f"what ours chose, gap closed (bundle {brain.digest[:12]}): {out}")
    return 0


def _print_figures(rows: list[Figures]) -> None:
    print_table(
        (
            *("", "exact", "within one", "violations", "false infeasible", "regret, p95"),
            *("above idle, p95", "probes", "unsafe"),
        ),
        [
            (
                row.contender,
                *(_share(row, n) for n in (row.exact, row.within_one)),
                *(_share(row, n) for n in (row.violations, row.false_infeasible)),
                _pair(row.regret_mean, row.regret_p95),
                _pair(row.regret_above_idle_mean, row.regret_above_idle_p95),
                f"{row.probes_mean:.2f}",
                f"{row.unsafe_probes_mean:.2f}",
            )
            for row in rows
        ],
    )


def _share(row: Figures, n: int) -> str:
    return f"{n} ({n / max(row.n_targets, 1):.1%})"


def _pair(mean: float | None, p95: float | None) -> str:
    return "-" if mean is None or p95 is None else f"{mean:.2%}, {p95:.2%}"


def _check_noise(noise: float, seed: int) -> None:
    if not 0.0 <= noise <= _MOST_NOISE or seed < 0:
        raise EvaluationError(
            f"asked for noise {noise:g} with seed {seed}",
            f"noise is the sigma of a log latency, 0 to {_MOST_NOISE:g}; a seed is 0 or more",
            "give for example --noise 0.01 --seed 0",
        )


def _checked_out(out: Path) -> Path:
    found = None
    if out.is_dir():
        found = "that is a folder"
    elif out.with_suffix(".json").exists() and out.exists():
        found = "that is a recording: it has a sidecar"
    if found is not None:
        raise EvaluationError(
            f"asked to write predictions to {out}", found, "give a file of its own"
        )
    return out


def _write(out: Path, text: str) -> None:
    """Put the whole file in place, or nothing."""
    draft = out.with_name(f".{out.name}.new")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(text, encoding="utf-8")
        draft.replace(out)
    except OSError as error:
        raise EvaluationError(
            f"asked to write predictions to {out}",
            f"it cannot be written: {error}",
            "give a file in a folder that can be written",
        ) from error
