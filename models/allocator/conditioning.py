"""Gaussian processes given a few readings, in closed form, with operators a bundle may hold.

In double precision: readings beside each other make matrices that single precision cannot invert.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from components.policy.context import MAX_CONTEXT

_LEVEL_VARIANCE = 1.0
"""Of the level of a curve, that of the first reading: what is far more than readings err."""


@dataclass(frozen=True, slots=True)
class Posterior:
    """What processes come to; N of them for each of B searches, C candidates."""

    mean: Tensor
    """Shape (B, N, C, 1)."""
    variance: Tensor
    """Shape (B, N, C, 1); of the curve, not of a reading of it."""
    log_likelihood: Tensor
    """Shape (B, N, 1, 1): of the readings under each process, but for a constant."""


def condition(
    among_probes: Tensor,
    with_candidates: Tensor,
    at_candidates: Tensor,
    residual: Tensor,
    mask: Tensor,
    noise_variance: Tensor,
) -> Posterior:
    """Condition processes of mean 0 and unknown level on readings.

    Args:
        among_probes: shape (B, N, 12, 12), covariance of the curve between probes.
        with_candidates: shape (B, N, 12, C), between probes and candidates.
        at_candidates: shape (B, N, C, 1), variance at candidates.
        residual: shape (B, N, 12, 1), readings less what was expected beforehand.
        mask: shape (B, 1, 12, 1), 1 where a probe counts.
        noise_variance: shape (N, 1, 1), of a reading.
    """
    identity = torch.eye(MAX_CONTEXT, dtype=torch.float64)
    counted = mask * mask.transpose(2, 3)
    diagonal = identity * (noise_variance * mask + 1.0 - mask)
    matrix = (among_probes + _LEVEL_VARIANCE) * counted + diagonal
    inverse, log_determinant = invert(matrix)
    cross = (with_candidates + _LEVEL_VARIANCE) * mask
    seen = residual * mask
    explained = torch.matmul(inverse, seen)
    shrunk = (torch.matmul(inverse, cross) * cross).sum(dim=2, keepdim=True).transpose(2, 3)
    misfit = (explained * seen).sum(dim=2, keepdim=True)
    return Posterior(
        mean=torch.matmul(cross.transpose(2, 3), explained),
        variance=torch.relu(at_candidates + _LEVEL_VARIANCE - shrunk) + 1e-8,
        log_likelihood=-0.5 * (misfit + log_determinant),
    )


def invert(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Inverse of positive matrices (B, N, 12, 12), and log determinant (B, N, 1, 1).

    A graph has no inverse: there Gauss-Jordan is written out, which needs no pivots here.
    """
    if torch.onnx.is_in_onnx_export():
        return gauss_jordan(matrix)
    return torch.linalg.inv(matrix), torch.logdet(matrix).unsqueeze(2).unsqueeze(3)


def gauss_jordan(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """As `invert`, in steps that a graph can hold."""
    identity = torch.eye(MAX_CONTEXT, dtype=torch.float64)
    wide = torch.cat([matrix, matrix * 0.0 + identity], dim=3)
    log_determinant = torch.zeros((1, 1, 1, 1), dtype=torch.float64)
    for k in range(MAX_CONTEXT):
        pivot = wide[:, :, k : k + 1, k : k + 1]
        log_determinant = log_determinant + torch.log(pivot)
        row = wide[:, :, k : k + 1, :] / pivot
        wide = wide - (wide[:, :, :, k : k + 1] - identity[:, k : k + 1]) * row
    return wide[:, :, :, MAX_CONTEXT:], log_determinant
