from __future__ import annotations

import torch

from models.allocator.conditioning import N_BASIS, apply, infer


def test_a_linear_law_is_found_from_as_many_probes_as_features_and_doubted_before():
    torch.manual_seed(0)
    probes, law = torch.randn(3, 2, 12, N_BASIS), torch.randn(3, 2, N_BASIS, 1)
    asked = torch.randn(3, 2, 5, N_BASIS)
    noise = torch.full((2, 1, 1), 1e-3)
    readings, truth = torch.matmul(probes, law), torch.matmul(asked, law)
    errors, doubts = [], []
    for n_shown in (2, 12):
        mask = (torch.arange(12) < n_shown).float().reshape(1, 1, 12, 1)
        mean, sigma = apply(asked, *infer(probes, readings, mask, noise))
        errors.append(float((mean - truth).abs().max()))
        doubts.append(float(sigma.max()))
    assert errors[1] < 0.02 < errors[0]
    assert doubts[1] < 0.1 < doubts[0]


def test_a_probe_that_does_not_count_changes_nothing():
    torch.manual_seed(1)
    probes, readings = torch.randn(1, 2, 4, N_BASIS), torch.randn(1, 2, 4, 1)
    mask = torch.tensor([1.0, 1.0, 0.0, 0.0]).reshape(1, 1, 4, 1)
    noise = torch.full((2, 1, 1), 0.05)
    shown = infer(probes[:, :, :2], readings[:, :, :2], mask[:, :, :2], noise)
    for padded, alone in zip(infer(probes, readings, mask, noise), shown, strict=True):
        torch.testing.assert_close(padded, alone)
