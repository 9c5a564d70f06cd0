"""Figures of a benchmark of device choice: confusion, regret, calibration, learning."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from models.device_classifier.scores import regrets_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from models.device_classifier.evaluation import ObjectiveReport
    from models.device_classifier.table import FloatArray

SHOWN = ("ours", "forest", "logistic regression", "best static device")
LEAST_REGRET = 1e-4
N_BINS = 10
DPI = 110


def draw_confusion(
    path: Path, reports: Sequence[ObjectiveReport], devices: Sequence[str], title: str
) -> Path:
    """Which device was the best and which was chosen, one panel for each who chose."""
    figure = _figure(3.4 * len(SHOWN), 3.6)
    for column, name in enumerate(SHOWN):
        axes = figure.add_subplot(1, len(SHOWN), column + 1)
        shares = confusion(reports, name, len(devices))
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for i, j in np.ndindex(*shares.shape):
            color = "white" if shares[i, j] > 0.6 else "black"  # half of the scale
            axes.text(j, i, f"{shares[i, j]:.1%}", ha="center", va="center", color=color)
        axes.set_xticks(range(len(devices)), devices)
        axes.set_yticks(range(len(devices)), devices)
        axes.set_xlabel("chosen")
        axes.set_ylabel("best" if column == 0 else "")
        axes.set_title(name, fontsize=10)
    figure.suptitle(f"{title}: of the rows a device is best in, which was chosen", fontsize=11)
    return _written(figure, path)


def confusion(reports: Sequence[ObjectiveReport], name: str, n_devices: int) -> FloatArray:
    """Shares of each best device's rows, [best, chosen]; a device never best has a row of 0."""
    counts = np.zeros((n_devices, n_devices))
    for report in reports:
        np.add.at(counts, (report.chosen["oracle"], report.chosen[name]), 1.0)
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0))


def draw_regrets(path: Path, reports: Sequence[ObjectiveReport], title: str) -> Path:
    """Which share of rows has at most which regret."""
    figure = _figure(6.4, 4.2)
    axes = figure.add_subplot()
    for name in SHOWN:
        values = np.concatenate([regrets_of(r.costs, r.chosen[name]) for r in reports])
        ordered = np.sort(np.maximum(values, LEAST_REGRET))
        axes.step(ordered, np.arange(1, len(ordered) + 1) / len(ordered), where="post", label=name)
    axes.set_xscale("log")
    axes.set_xlabel("regret (0.01: 1 % above the best device)")
    axes.set_ylabel("share of rows with at most that")
    axes.set_title(title, fontsize=11)
    axes.grid(alpha=0.3)
    axes.legend()
    return _written(figure, path)


def draw_calibration(path: Path, reports: Sequence[ObjectiveReport], title: str) -> Path:
    """How often choices were right, over how sure they were; area: how many."""
    p = np.concatenate([report.p for report in reports])
    right = np.concatenate([r.chosen["ours"] == r.chosen["oracle"] for r in reports])
    bins = np.minimum((p * N_BINS).astype(int), N_BINS - 1)
    used = [b for b in range(N_BINS) if (bins == b).any()]
    stated, true = ([float(v[bins == b].mean()) for b in used] for v in (p, right))
    counts = np.array([(bins == b).sum() for b in used])
    error = np.sqrt(np.maximum(np.multiply(true, np.subtract(1, true)), 0.01) / counts)
    figure = _figure(4.8, 4.6)
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="0.7", label="as stated")
    axes.errorbar(stated, true, 2 * error, fmt=".", color="tab:blue", label="ours, ±2 errors")
    axes.scatter(stated, true, s=20 + 300 * counts / counts.max(), color="tab:blue")
    axes.set_xlabel("probability stated")
    axes.set_ylabel("share that was the best")
    axes.set_ylim(-0.05, 1.05)
    axes.set_title(title, fontsize=11)
    axes.legend(loc="lower right")
    return _written(figure, path)


def draw_learning(
    path: Path, n_rows: Sequence[int], curves: Mapping[str, Sequence[tuple[float, float]]]
) -> Path:
    """Accuracy and mean regret over the number of measured points.

    Args:
        path: of the PNG.
        n_rows: of each step.
        curves: by who chose, (accuracy, mean regret) of each step.
    """
    figure = _figure(9.6, 4.0)
    for column, label in enumerate(("accuracy", "mean regret")):
        axes = figure.add_subplot(1, 2, column + 1)
        for name, values in curves.items():
            axes.plot(n_rows, [value[column] for value in values], marker="o", label=name)
        axes.set_xscale("log")
        if column:
            axes.set_yscale("log")
        axes.set_xticks(n_rows, [str(n) for n in n_rows])
        axes.minorticks_off()
        axes.set_xlabel("measured points (learned from: four fifths)")
        axes.set_ylabel(label)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    return _written(figure, path)


def draw_tuning(
    path: Path, n_before: int, tuned: FloatArray, untuned: FloatArray, title: str
) -> Path:
    """Mean regret request by request, before and after a device became slower."""
    figure = _figure(6.8, 4.0)
    axes = figure.add_subplot()
    at = np.arange(len(tuned)) - n_before
    axes.plot(at, untuned, label="untuned", color="tab:orange")
    axes.plot(at, tuned, label="tuned", color="tab:blue")
    axes.axvline(0, color="0.5", linestyle="--")
    axes.axhline(0.02, color="0.5", linestyle=":", label="2 %")
    axes.set_xlabel("requests after the change")
    axes.set_ylabel("mean regret")
    axes.set_title(title, fontsize=11)
    axes.legend()
    return _written(figure, path)


def _figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _written(figure: Figure, path: Path) -> Path:
    figure.savefig(path, dpi=DPI)
    return path
