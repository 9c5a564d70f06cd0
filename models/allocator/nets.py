"""The two networks of the core allocator, as torch modules.

Both treat candidates, probes and rows alike (shared weights, masked pooling), so that one set of
weights serves any number of CPUs. Parameters keep their names in the exported graphs, from where
retraining reads them back: no pickle anywhere.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from components.policy.belief import EI_WEIGHT, LOG_IMPROVEMENT, ROW_FEATURES
from components.policy.features import CANDIDATE_FEATURES
from models.allocator.conditioning import N_BASIS, apply, infer

N_FEATURES = len(CANDIDATE_FEATURES)
N_READINGS = 2  # log latency, log power
N_SHAPE = 10
"""The first features say how much is taken; pairs also see how far apart they are in those."""
HIDDEN = 64
ROW_HIDDEN = 32
SIGMA_SCALE = 1.3
"""The sigma given out over the one fitted: heavy-tailed errors look like wider normal ones."""
_LOG_SIGMA_LOW, _LOG_SIGMA_HIGH = -3.0, 0.5
_NEVER = 1e4


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

    First a Bayesian regression on learned features fits all probes at once. What it leaves is mixed
    from the probes: they are compared with each other (two of them show a slope), then every
    candidate with every probe. Such a pair gives slopes along the shape features, hence a
    difference in log latency and log power that is nothing at no distance, and a weight; a softmax
    over probes mixes them. All readings enter relative to the first probe's.
    """

    def __init__(self) -> None:
        super().__init__()
        n_probe = N_FEATURES + 2 * N_READINGS
        self.basis = Dense(N_FEATURES, HIDDEN)
        self.basis_2 = Dense(HIDDEN, HIDDEN)
        self.latency_basis = Dense(HIDDEN, N_BASIS, scale=0.3)
        self.power_basis = Dense(HIDDEN, N_BASIS, scale=0.3)
        self.log_noise = nn.Parameter(torch.tensor([-3.0, -3.1]))
        self.of_fit = Dense(2 * N_READINGS, HIDDEN)
        self.of_candidate = Dense(N_FEATURES, HIDDEN)
        self.of_probe = Dense(n_probe, HIDDEN)
        self.of_neighbours = Dense(HIDDEN, HIDDEN)
        self.of_distance = Dense(N_SHAPE, HIDDEN)
        self.this_probe = Dense(n_probe, HIDDEN)
        self.other_probe = Dense(n_probe, HIDDEN)
        self.two_probes = Dense(HIDDEN, HIDDEN)
        self.curve = Dense(HIDDEN, HIDDEN)
        self.pair = Dense(HIDDEN, HIDDEN)
        self.weigh = Dense(HIDDEN, 1)
        self.mix = Dense(HIDDEN, HIDDEN)
        self.latency_slopes = Dense(HIDDEN, N_SHAPE, scale=0.1)
        self.power_slopes = Dense(HIDDEN, N_SHAPE, scale=0.1)
        self.correction = Dense(HIDDEN, N_READINGS, scale=0.1)
        self.log_sigma = Dense(HIDDEN, N_READINGS, scale=0.1)

    def forward(
        self, candidates: Tensor, probes: Tensor, probe_mask: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Predict.

        Args:
            candidates: shape (B, C, F).
            probes: shape (B, P, F + 2), log latency and log power last.
            probe_mask: shape (B, P), 1 where a probe counts.

        Returns:
            Mean log latency, its sigma, mean log power, its sigma, each of shape (B, C).
        """
        first = probes[:, 0:1, N_FEATURES:]
        readings = probes[:, :, N_FEATURES:] - first
        at_probes, fitted, doubt = self._fit(candidates, probes, readings, probe_mask)
        off = readings - at_probes
        seen = torch.cat([probes[:, :, :N_FEATURES], readings, off], dim=2)
        neighbours = self._compare_probes(seen, probe_mask)
        counted = probe_mask.unsqueeze(2)
        curve = (neighbours * counted).sum(dim=1, keepdim=True) / counted.sum(dim=1, keepdim=True)
        curve = torch.relu(self.curve(curve))
        fit = torch.cat([fitted, doubt], dim=2)
        shape = candidates[:, :, :N_SHAPE].unsqueeze(2) - probes[:, :, :N_SHAPE].unsqueeze(1)
        hidden = torch.relu(
            (self.of_candidate(candidates) + self.of_fit(fit) + curve).unsqueeze(2)
            + (self.of_probe(seen) + self.of_neighbours(neighbours)).unsqueeze(1)
            + self.of_distance(torch.abs(shape))
        )
        hidden = torch.relu(self.pair(hidden))
        score = self.weigh(hidden) - _NEVER * (1.0 - probe_mask).unsqueeze(1).unsqueeze(3)
        share = torch.softmax(score, dim=2)
        mixed = torch.relu(self.mix((share * hidden).sum(dim=2)) + curve)
        latency = (self.latency_slopes(hidden) * shape).sum(dim=3, keepdim=True)
        power = (self.power_slopes(hidden) * shape).sum(dim=3, keepdim=True)
        from_each = off.unsqueeze(1) + torch.cat([latency, power], dim=3)
        sigma = torch.exp(torch.clamp(self.log_sigma(mixed), _LOG_SIGMA_LOW, _LOG_SIGMA_HIGH))
        sigma = SIGMA_SCALE * sigma * torch.clamp(doubt + 0.01, 0.0, 1.0)
        # what the mix of probes cannot say, as far as it is in doubt
        corrected = self.correction(mixed) * sigma
        mean = first + fitted + (share * from_each).sum(dim=2) + corrected
        return mean[:, :, 0], sigma[:, :, 0], mean[:, :, 1], sigma[:, :, 1]

    def _fit(
        self, candidates: Tensor, probes: Tensor, readings: Tensor, probe_mask: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Regress on learned features: at the probes, at the candidates, and its doubt there."""
        of_probes = self._basis(probes[:, :, :N_FEATURES])
        of_candidates = self._basis(candidates)
        by_quantity = torch.cat(
            [readings[:, :, 0:1].unsqueeze(1), readings[:, :, 1:2].unsqueeze(1)], dim=1
        )
        mask = probe_mask.unsqueeze(1).unsqueeze(3)
        noise = torch.exp(self.log_noise).unsqueeze(1).unsqueeze(2)
        weights, covariance = infer(of_probes, by_quantity, mask, noise)
        at_probes, _ = apply(of_probes, weights, covariance)
        fitted, doubt = apply(of_candidates, weights, covariance)
        return _last(at_probes), _last(fitted), _last(doubt)

    def _basis(self, features: Tensor) -> Tensor:
        """Shape (B, N, F) → (B, 2, N, K)."""
        hidden = torch.relu(self.basis_2(torch.relu(self.basis(features))))
        parts = [self.latency_basis(hidden).unsqueeze(1), self.power_basis(hidden).unsqueeze(1)]
        return torch.cat(parts, dim=1)

    def _compare_probes(self, seen: Tensor, probe_mask: Tensor) -> Tensor:
        """What each probe says beside the others: shape (B, P, H)."""
        pairs = self.this_probe(seen).unsqueeze(2) + self.other_probe(seen).unsqueeze(1)
        pairs = torch.relu(self.two_probes(torch.relu(pairs)))
        counted = probe_mask.unsqueeze(1).unsqueeze(3)
        return (pairs * counted).sum(dim=2) / counted.sum(dim=2)


def _last(values: Tensor) -> Tensor:
    """Shape (B, 2, N, 1) → (B, N, 2)."""
    return torch.cat([values[:, 0], values[:, 1]], dim=2)


class ProbeNet(nn.Module):
    """Scores rows; each sees itself and the mean and maximum over all.

    Starts as expected improvement: the prior `EI_WEIGHT` · ln(EI / least) is added to what the
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
        prior[LOG_IMPROVEMENT] = EI_WEIGHT
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
