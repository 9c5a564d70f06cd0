"""The two networks of the core allocator, as torch modules.

Both treat candidates, probes and rows alike (shared weights, masked pooling), so that one set of
weights serves any number of CPUs. Parameters keep their names in the exported graphs, from where
retraining reads them back: no pickle anywhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from components.policy.context import MAX_CONTEXT
from components.policy.features import CANDIDATE_FEATURES
from components.policy.rows import AHEAD_WEIGHT, LOG_AHEAD, ROW_FEATURES
from models.allocator.conditioning import condition

N_FEATURES = len(CANDIDATE_FEATURES)
N_READINGS = 2  # log latency, log power
N_LAWS = 4
"""Ways in which latency and power may go over candidates."""
N_BASIS = 12
"""Learned features of a candidate that a law is linear in."""
N_PLACES = 6
"""Coordinates that say how alike two candidates are."""
HIDDEN = 48
ROW_HIDDEN = 32
LEAST_VARIANCE = 1e-6
"""Of a forecast and of a reading, in squared logarithms: .1 %."""
_ROUNDED = 1e-4  # squared distance below which a rough curve is smooth, for its gradient's sake


@dataclass(frozen=True, slots=True)
class Laws:
    """What each law says: first all laws of log latency, then all of log power."""

    mean: Tensor
    """Shape (B, 2 L, C, 1), relative to the first probe."""
    variance: Tensor
    """Shape (B, 2 L, C, 1)."""
    score: Tensor
    """Shape (B, L, 1, 1): log of the share of a law, but for a constant."""


class Dense(nn.Module):
    """A linear layer whose weight is stored (inputs, outputs), as ONNX multiplies it."""

    def __init__(self, n_inputs: int, n_outputs: int, *, scale: float = 1.0) -> None:
        super().__init__()
        bound = scale * (2.0 / n_inputs) ** 0.5
        self.weight = nn.Parameter(torch.randn(n_inputs, n_outputs) * bound)
        # not zero: the exporter folds equal tensors into one, and the names would be lost
        self.bias = nn.Parameter(torch.randn(n_outputs) * 1e-3)

    def forward(self, x: Tensor) -> Tensor:
        """Shape (…, inputs) → (…, outputs)."""
        return torch.matmul(x, self.weight) + self.bias


class Predictor(nn.Module):
    """Latency and power of every candidate from those of the probes.

    A mixture of Gaussian processes, so that what was measured stands and sigma grows between. Each
    of the `N_LAWS` laws has, for log latency and for log power, a prior mean and a covariance: that
    of a regression on learned features, that of a smooth curve over learned coordinates, and that
    of a rough one. The likelihood of all readings says which laws hold on this node. All readings
    enter relative to the first probe's; of the probes the first 12 are seen.
    """

    def __init__(self) -> None:
        super().__init__()
        n = N_READINGS * N_LAWS
        self.hidden = Dense(N_FEATURES, HIDDEN)
        self.hidden_2 = Dense(HIDDEN, HIDDEN)
        self.expected = nn.Parameter(torch.randn(n, HIDDEN, 1) * 0.1 * (2.0 / HIDDEN) ** 0.5)
        self.expected_slopes = nn.Parameter(torch.randn(n, N_FEATURES, 1) * 1e-3)
        self.basis = nn.Parameter(torch.randn(n, HIDDEN, N_BASIS) * 0.3 * (2.0 / HIDDEN) ** 0.5)
        self.basis_slopes = nn.Parameter(torch.randn(n, N_FEATURES, N_BASIS) * 0.1)
        self.smooth = nn.Parameter(torch.randn(n, N_FEATURES, N_PLACES) * 0.5)
        self.rough = nn.Parameter(torch.randn(n, N_FEATURES, N_PLACES))
        spread = torch.linspace(-3.5, -1.0, N_LAWS).repeat(N_READINGS).reshape(n, 1, 1)
        self.log_smooth = nn.Parameter(spread + 0.5 + 1e-3 * torch.randn(n, 1, 1))
        self.log_rough = nn.Parameter(spread + 1e-3 * torch.randn(n, 1, 1))
        self.log_noise = nn.Parameter(-5.3 + 1e-3 * torch.randn(n, 1, 1))
        self.prior = nn.Parameter(1e-3 * torch.randn(1, N_LAWS, 1, 1))

    def forward(
        self, candidates: Tensor, probes: Tensor, probe_mask: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Predict.

        Args:
            candidates: shape (B, C, F).
            probes: shape (B, P, F + 2), log latency and log power last.
            probe_mask: shape (B, P), 1 where a probe counts; the first always does.

        Returns:
            Mean log latency, its sigma, mean log power, its sigma, each of shape (B, C).
        """
        laws = self.laws(candidates, probes, probe_mask)
        share = torch.softmax(laws.score, dim=1).double()
        answers: list[Tensor] = []
        for quantity in range(N_READINGS):
            own = slice(quantity * N_LAWS, (quantity + 1) * N_LAWS)
            mean, variance = laws.mean[:, own], laws.variance[:, own]
            mixed = (share * mean).sum(dim=1)
            square = (share * (variance + mean * mean)).sum(dim=1)
            sigma = torch.sqrt(torch.relu(square - mixed * mixed) + LEAST_VARIANCE)
            first = probes[:, 0:1, N_FEATURES + quantity]
            answers += [mixed.float()[:, :, 0] + first, sigma.float()[:, :, 0]]
        return answers[0], answers[1], answers[2], answers[3]

    def laws(self, candidates: Tensor, probes: Tensor, probe_mask: Tensor) -> Laws:
        """What each law says, relative to the first probe, and how well it fits the readings."""
        probes, mask = _pad(probes), _pad(probe_mask.unsqueeze(2))
        readings = probes[:, :, N_FEATURES:] - probes[:, 0:1, N_FEATURES:]
        at_probes, at_candidates = self._see(probes[:, :, :N_FEATURES]), self._see(candidates)
        # only differences from the first probe count; large common parts would cost digits
        origin = [at_probes[part][:, :, 0:1] for part in (0, 1)]
        at_probes = (at_probes[0] - origin[0], at_probes[1] - origin[1], *at_probes[2:])
        at_candidates = (
            at_candidates[0] - origin[0],
            at_candidates[1] - origin[1],
            *at_candidates[2:],
        )
        expected = at_probes[0]
        residual = torch.cat(
            [
                readings[:, :, 0:1].unsqueeze(1) - expected[:, :N_LAWS],
                readings[:, :, 1:2].unsqueeze(1) - expected[:, N_LAWS:],
            ],
            dim=1,
        )
        posterior = condition(
            self._covariance(at_probes, at_probes),
            self._covariance(at_probes, at_candidates),
            self._variance(at_candidates),
            residual.double(),
            mask.unsqueeze(1).double(),
            torch.exp(2.0 * self.log_noise).double() + LEAST_VARIANCE,
        )
        likelihood = posterior.log_likelihood
        score = self.prior + (likelihood[:, :N_LAWS] + likelihood[:, N_LAWS:]).float()
        mean = posterior.mean + at_candidates[0].double()
        return Laws(mean, posterior.variance, score)

    def _see(self, features: Tensor) -> tuple[Tensor, ...]:
        """Per law: the mean expected, and places in its three covariances."""
        hidden = torch.relu(self.hidden_2(torch.relu(self.hidden(features)))).unsqueeze(1)
        x = features.unsqueeze(1)
        expected = torch.matmul(hidden, self.expected) + torch.matmul(x, self.expected_slopes)
        basis = torch.matmul(hidden, self.basis) + torch.matmul(x, self.basis_slopes)
        smooth, rough = torch.matmul(x, self.smooth), torch.matmul(x, self.rough)
        return expected, basis.double(), smooth.double(), rough.double()

    def _covariance(self, these: tuple[Tensor, ...], those: tuple[Tensor, ...]) -> Tensor:
        basis = torch.matmul(these[1], those[1].transpose(2, 3))
        smooth = torch.exp(-0.5 * _square_distance(these[2], those[2]))
        apart = torch.sqrt(_square_distance(these[3], those[3]) + _ROUNDED)
        rough = torch.exp(-1.0 * apart)
        return basis + self._height(self.log_smooth) * smooth + self._height(self.log_rough) * rough

    def _variance(self, seen: tuple[Tensor, ...]) -> Tensor:
        basis = (seen[1] * seen[1]).sum(dim=3, keepdim=True)
        rough = self._height(self.log_rough) * math.exp(-math.sqrt(_ROUNDED))
        return basis + self._height(self.log_smooth) + rough

    @staticmethod
    def _height(log_sigma: Tensor) -> Tensor:
        return torch.exp(2.0 * log_sigma).double()


def _pad(values: Tensor) -> Tensor:
    """Cut or fill (B, P, …) with zeros to 12 probes."""
    nothing = values[:, 0:1] * 0.0
    return torch.cat([values, *[nothing] * MAX_CONTEXT], dim=1)[:, :MAX_CONTEXT]


def _square_distance(these: Tensor, those: Tensor) -> Tensor:
    """Shapes (B, N, P, Z) and (B, N, C, Z) → (B, N, P, C)."""
    squares = (those * those).sum(dim=3, keepdim=True).transpose(2, 3)
    own = (these * these).sum(dim=3, keepdim=True)
    return torch.relu(own + squares - 2.0 * torch.matmul(these, those.transpose(2, 3)))


class ProbeNet(nn.Module):
    """Scores rows; each sees itself and the mean and maximum over all.

    Starts as the rule that looks ahead: the prior `AHEAD_WEIGHT` · `log_ahead` is added to what the
    network says, and its last layer begins at 0.
    """

    scale: Tensor
    prior: Tensor

    def __init__(self) -> None:
        super().__init__()
        n_features = len(ROW_FEATURES)
        self.row = Dense(n_features, ROW_HIDDEN)
        self.row_2 = Dense(ROW_HIDDEN, ROW_HIDDEN)
        self.pooled = Dense(2 * ROW_HIDDEN, ROW_HIDDEN)
        self.joint = Dense(ROW_HIDDEN, ROW_HIDDEN)
        self.score = Dense(ROW_HIDDEN, 1, scale=0.0)
        scale = torch.tensor([max(abs(spec.low), abs(spec.high), 1.0) for spec in ROW_FEATURES])
        self.register_buffer("scale", torch.sqrt(scale))
        prior = torch.zeros(n_features, 1)
        prior[LOG_AHEAD] = AHEAD_WEIGHT
        self.register_buffer("prior", prior)

    def embed(self, rows: Tensor, row_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Per-row and pooled hidden values: shapes (B, R, H) and (B, 2 H)."""
        hidden = torch.relu(self.row_2(torch.relu(self.row(rows / self.scale))))
        shown = hidden * row_mask.unsqueeze(2)
        mean = shown.sum(dim=1) / row_mask.sum(dim=1, keepdim=True)
        return hidden, torch.cat([mean, torch.amax(shown, dim=1)], dim=1)

    def forward(self, rows: Tensor, row_mask: Tensor) -> Tensor:
        """Shapes (B, R, K) and (B, R) → logits (B, R), not masked."""
        hidden, pooled = self.embed(rows, row_mask)
        joint = torch.relu(self.joint(hidden) + self.pooled(pooled).unsqueeze(1))
        not_commit = 1.0 - rows[:, :, -1:]
        prior = torch.matmul(rows, self.prior) * not_commit
        logits: Tensor = self.score(joint) + prior
        return logits.squeeze(2)
