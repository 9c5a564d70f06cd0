"""`recorded.npz` of a bundle: recorded surfaces as plain arrays, checked when read."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import asdict, fields
from typing import TYPE_CHECKING

import numpy as np

from components.errors import JoulepilotError
from components.jobs.candidate import Candidate
from components.node.placement import Layout
from components.policy.errors import BundleError
from components.policy.recorded import JobKey, RecordedSurface, RecordedSurfaces

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

RECORDED = "recorded.npz"
MOST_SURFACES = 2000
MOST_POINTS = 300_000
_LAYOUTS = tuple(Layout)
_COLUMNS = ("n_cpus", "layout", "latency_log", "power_log", "sigma")
_LOWEST, _HIGHEST = -14.0, 21.0  # natural logarithms of ms and W, as the predictor's outputs


def write_recorded(surfaces: Sequence[RecordedSurface]) -> bytes:
    """Lay surfaces out as the bytes of the file; the first of more than 2,000 are kept."""
    kept = surfaces[:MOST_SURFACES]
    keys = json.dumps([asdict(surface.job) for surface in kept], sort_keys=True).encode()
    candidates = [candidate for surface in kept for candidate in surface.candidates]
    ends = np.cumsum([len(surface.candidates) for surface in kept], dtype=np.int64)
    columns: dict[str, NDArray[np.generic]] = {
        "n_cpus": np.asarray([c.n_cpus for c in candidates], dtype=np.int32),
        "layout": np.asarray([_LAYOUTS.index(c.layout) for c in candidates], dtype=np.int8),
        **{
            name: np.concatenate([getattr(s, name) for s in kept] or [[]]).astype(np.float32)
            for name in ("latency_log", "power_log", "sigma")
        },
    }
    file = io.BytesIO()
    np.savez(
        file,
        allow_pickle=False,
        jobs=np.frombuffer(keys, dtype=np.uint8),
        ends=ends,
        **columns,
    )
    return file.getvalue()


def read_recorded(data: bytes) -> RecordedSurfaces:
    """Read and check the file.

    Raises:
        BundleError: it is damaged, or holds what no recording can be.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in ("jobs", "ends", *_COLUMNS)}
        jobs = [_job(entry) for entry in json.loads(arrays["jobs"].tobytes())]
        return RecordedSurfaces({s.job: s for s in _surfaces(jobs, arrays)})
    except (
        ValueError, TypeError, KeyError, IndexError, OSError, EOFError, zipfile.BadZipFile,
        JoulepilotError,
    ) as error:  # fmt: skip
        raise BundleError(
            f"asked for the recorded surfaces of a bundle ({RECORDED})",
            f"the file cannot be used: {error}",
            "take the bundle again from where it was built",
        ) from error


def _job(entry: dict[str, object]) -> JobKey:
    if set(entry) != {field.name for field in fields(JobKey)}:
        raise ValueError(f"a job has the keys {sorted(entry)}")
    batch_size = entry["batch_size"]
    if not isinstance(batch_size, int):
        raise TypeError(f"a batch size is {batch_size!r}")
    texts = {name: str(entry[name]) for name in ("node", "image", "model", "statistic")}
    return JobKey(batch_size=batch_size, **texts)


def _surfaces(
    jobs: Sequence[JobKey], arrays: dict[str, NDArray[np.generic]]
) -> list[RecordedSurface]:
    ends = arrays["ends"].astype(np.int64).tolist()
    n_points = len(arrays["n_cpus"])
    columns = [arrays[name].astype(np.float64) for name in _COLUMNS]
    if len(jobs) > MOST_SURFACES or n_points > MOST_POINTS or len(ends) != len(jobs):
        raise ValueError(f"{len(jobs)} jobs, {len(ends)} ends and {n_points} points")
    if [0, *ends] != sorted({0, *ends}) or [0, *ends][-1] != n_points:
        raise ValueError("surfaces that are empty, or do not add up")
    if not all(column.shape == (n_points,) and np.isfinite(column).all() for column in columns):
        raise ValueError("columns of different lengths, or a number that is not finite")
    n_cpus, layout, latency, power, sigma = columns
    for logs in (latency, power):
        if n_points and not (logs.min() >= _LOWEST and logs.max() <= _HIGHEST):
            raise ValueError("a latency or power beyond what can be")
    if n_points and (sigma.min() < 0.0 or sigma.max() > 1.0):
        raise ValueError("a sigma outside 0 to 1")
    return [
        RecordedSurface(
            job,
            tuple(
                Candidate(int(n), _LAYOUTS[int(k)])
                for n, k in zip(n_cpus[start:end], layout[start:end], strict=True)
            ),
            latency[start:end],
            power[start:end],
            sigma[start:end],
        )
        for job, start, end in zip(jobs, [0, *ends], ends, strict=False)
    ]
