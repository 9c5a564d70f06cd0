"""Teaching the predictor: from a few noisy probes of a surface to all of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from models.allocator.nets import LEAST_VARIANCE, N_FEATURES, N_LAWS
from models.allocator.training_watch import TrainingWatch, means

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from models.allocator.nets import Predictor
    from models.allocator.surface_arrays import SurfaceArrays

_LEAST_LIKELIHOOD = -30.0  # of a query, in logarithms: one far off must not steer a step
_FOCUS_WIDTH = 0.25  # in log latency: how near the target searches end up probing
_NOISE_FACTORS = (0.0, 0.5, 1.0, 1.0, 2.0)
_CONFIRMED_SHARE = 0.2  # of probes are read over several windows


@dataclass(frozen=True, slots=True)
class PredictorTraining:
    """How long and how fast the predictor learns."""

    n_steps: int = 3000
    batch_size: int = 48
    n_probes: int = 10
    """Most probes shown at once."""
    n_queries: int = 24
    """Candidates asked about per surface and step."""
    learning_rate: float = 8e-3


@dataclass(frozen=True, slots=True)
class Questions:
    """What the predictor is shown, and the truth."""

    candidates: NDArray[np.float32]
    probes: NDArray[np.float32]
    probe_mask: NDArray[np.float32]
    latency_log: NDArray[np.float32]
    power_log: NDArray[np.float32]
    weight: NDArray[np.float32]
    """Shape (B, Q): 0 where the query is padding."""


def train_predictor(
    net: Predictor,
    surfaces: SurfaceArrays,
    settings: PredictorTraining,
    rng: np.random.Generator,
    progress: Callable[[int, int, str], None],
    watch: TrainingWatch | None = None,
) -> tuple[float, ...]:
    """Fit the network in place; returns the loss averaged over each hundredth of the steps.

    A `watch` keeps checkpoints, goes on from the last one, and says when to stop.
    """
    watch = watch or TrainingWatch(settings.n_steps)
    optimizer = torch.optim.Adam(net.parameters(), lr=settings.learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.learning_rate, total_steps=settings.n_steps, pct_start=0.1
    )
    chance = surfaces.weight / surfaces.weight.sum()
    net.train()
    for step in range(watch.resume(net, optimizer, schedule, rng), settings.n_steps):
        rows = rng.choice(len(surfaces), settings.batch_size, p=chance)
        questions = ask_questions(surfaces.take(rows), settings, rng)
        loss = _loss(net, questions)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        is_over = watch.is_over(float(loss.detach()), net, optimizer, schedule, rng)
        if (step + 1) % max(settings.n_steps // 20, 1) == 0:
            progress(step + 1, settings.n_steps, "training the predictor")
        if is_over:
            break
    watch.finish(net)
    return means(watch.losses)


def validation_loss(
    surfaces: SurfaceArrays, settings: PredictorTraining, seed: int, n_asked: int = 64
) -> Callable[[Predictor], float]:
    """Loss on questions that stay the same from look to look."""
    rng = np.random.default_rng(seed)
    rows = rng.choice(len(surfaces), n_asked, p=surfaces.weight / surfaces.weight.sum())
    questions = ask_questions(surfaces.take(rows), settings, rng)

    def loss(net: Predictor) -> float:
        with torch.no_grad():
            return float(_loss(net, questions))

    return loss


def ask_questions(
    surfaces: SurfaceArrays, settings: PredictorTraining, rng: np.random.Generator
) -> Questions:
    """Draw probes as a search would have made them, and candidates to ask about."""
    n = len(surfaces)
    focus = _draw_focus(surfaces, rng)
    near = -np.abs(surfaces.latency_log - focus[:, np.newaxis]) / _FOCUS_WIDTH
    probed = _draw_candidates(surfaces.known, near, settings.n_probes, rng)
    probed[:, 0] = np.where(rng.random(n) < 0.85, 0, probed[:, 0])
    probed[:, 1] = np.where(rng.random(n) < 0.25, 1, probed[:, 1])
    n_shown = rng.integers(1, settings.n_probes + 1, n)
    at = np.arange(n)[:, np.newaxis]
    mask = (np.arange(settings.n_probes) < n_shown[:, np.newaxis]) & surfaces.known[at, probed]
    mask[:, 0] = True
    readings = _read(surfaces, probed, rng)
    asked = _draw_candidates(surfaces.known, near, settings.n_queries, rng)
    return Questions(
        candidates=surfaces.features[at, asked],
        probes=np.concatenate([surfaces.features[at, probed], readings], axis=2),
        probe_mask=mask.astype(np.float32),
        latency_log=surfaces.latency_log[at, asked],
        power_log=surfaces.power_log[at, asked],
        weight=surfaces.known[at, asked].astype(np.float32),
    )


def _draw_focus(surfaces: SurfaceArrays, rng: np.random.Generator) -> NDArray[np.float64]:
    """Log latency around which a search would look; shape (B,)."""
    low = np.where(surfaces.known, surfaces.latency_log, np.inf).min(axis=1)
    high = np.where(surfaces.known, surfaces.latency_log, -np.inf).max(axis=1)
    return np.asarray(low + (high - low) * rng.beta(1.0, 2.0, len(low)))


def _draw_candidates(
    known: NDArray[np.bool_],
    near: NDArray[np.floating],
    n_drawn: int,
    rng: np.random.Generator,
) -> NDArray[np.intp]:
    """Draw without repeats, half of the surfaces evenly, half near the focus; padding last."""
    evenly = rng.random((len(known), 1)) < 0.5
    score = np.where(evenly, 0.0, near) + rng.gumbel(size=known.shape)
    order = np.argsort(np.where(known, -score, np.inf), axis=1)
    drawn = order[:, :n_drawn]
    return np.pad(drawn, ((0, 0), (0, n_drawn - drawn.shape[1])), mode="edge")


def _read(
    surfaces: SurfaceArrays, probed: NDArray[np.intp], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Noisy log latency and log power of probes; shape (B, P, 2)."""
    at = np.arange(len(surfaces))[:, np.newaxis]
    sigma = surfaces.noise * rng.choice(_NOISE_FACTORS, len(surfaces))
    windows = np.where(rng.random(probed.shape) < _CONFIRMED_SHARE, 3.0, 1.0)
    error = sigma[:, np.newaxis] / np.sqrt(windows)
    latency = surfaces.latency_log[at, probed] + error * rng.normal(size=probed.shape)
    power = surfaces.power_log[at, probed] + 0.5 * error * rng.normal(size=probed.shape)
    return np.stack([latency, power], axis=2).astype(np.float32)


def _loss(net: Predictor, questions: Questions) -> torch.Tensor:
    """Negative log likelihood of latency and power under the mixture, averaged over queries."""
    probes = torch.from_numpy(questions.probes)
    laws = net.laws(
        torch.from_numpy(questions.candidates), probes, torch.from_numpy(questions.probe_mask)
    )
    share = torch.log_softmax(laws.score, dim=1)
    weight = torch.from_numpy(questions.weight)
    total = torch.zeros((), dtype=torch.float64)
    for quantity, truth in enumerate((questions.latency_log, questions.power_log)):
        own = slice(quantity * N_LAWS, (quantity + 1) * N_LAWS)
        relative = torch.from_numpy(truth) - probes[:, 0:1, N_FEATURES + quantity]
        variance = laws.variance[:, own] + LEAST_VARIANCE
        off = relative.unsqueeze(1).unsqueeze(3) - laws.mean[:, own]
        likelihood = share - 0.5 * (off * off / variance + torch.log(variance))
        likely = torch.clamp(torch.logsumexp(likelihood, dim=1).squeeze(2), min=_LEAST_LIKELIHOOD)
        total = total - (likely * weight).sum() / weight.sum()
    return total
