"""Bayesian regression on learned features, in closed form, with operators a bundle may hold.

In double precision: probes beside each other make matrices that single precision cannot invert.
"""

from __future__ import annotations

import torch
from torch import Tensor

N_BASIS = 10
"""Learned features of a candidate, of which log latency and log power are linear."""


def infer(
    probes: Tensor, readings: Tensor, probe_mask: Tensor, noise: Tensor
) -> tuple[Tensor, Tensor]:
    """Infer the weights of the features from probes; beforehand they are standard normal.

    Args:
        probes: shape (B, V, P, K), features of what was probed for each of V quantities.
        readings: shape (B, V, P, 1).
        probe_mask: shape (B, 1, P, 1), 1 where a probe counts.
        noise: shape (V, 1, 1), sigma of what the features do not explain.

    Returns:
        Mean (B, V, K, 1) and covariance (B, V, K, K) of the weights, in double precision.
    """
    scaled = (probes * probe_mask / noise).double()
    turned = scaled.transpose(2, 3)
    identity = torch.eye(N_BASIS, dtype=torch.float64)
    covariance = _invert(torch.matmul(turned, scaled) + identity, identity)
    seen = torch.matmul(turned, (readings / noise).double())
    return torch.matmul(covariance, seen), covariance


def apply(candidates: Tensor, mean: Tensor, covariance: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and sigma of candidates (B, V, C, K) under inferred weights, each (B, V, C, 1)."""
    at = candidates.double()
    variance = (torch.matmul(at, covariance) * at).sum(dim=3, keepdim=True)
    sigma = torch.sqrt(torch.relu(variance) + 1e-6)
    return torch.matmul(at, mean).float(), sigma.float()


def _invert(matrix: Tensor, identity: Tensor) -> Tensor:
    """Gauss-Jordan; no pivots are sought, for the matrix is positive and no less than 1."""
    wide = torch.cat([matrix, matrix * 0.0 + identity], dim=3)
    for k in range(N_BASIS):
        row = wide[:, :, k : k + 1, :] / wide[:, :, k : k + 1, k : k + 1]
        wide = wide - (wide[:, :, :, k : k + 1] - identity[:, k : k + 1]) * row
    return wide[:, :, :, N_BASIS:]
