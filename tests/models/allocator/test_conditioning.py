from __future__ import annotations

import torch

from components.policy.context import MAX_CONTEXT
from models.allocator.conditioning import condition, gauss_jordan, invert


def kernel(these, those, length=1.0):
    """Smooth curves over one coordinate."""
    return torch.exp(-0.5 * ((these - those.transpose(2, 3)) / length) ** 2)


def ask(n_shown, asked, noise=1e-3):
    """What one law says of a sine of which the first few of twelve probes count."""
    places = torch.linspace(0.0, 5.0, MAX_CONTEXT, dtype=torch.float64).reshape(1, 1, -1, 1)
    mask = (torch.arange(MAX_CONTEXT) < n_shown).double().reshape(1, 1, -1, 1)
    readings = torch.sin(places) * mask + 7.0 * (1.0 - mask)
    at = torch.as_tensor(asked, dtype=torch.float64).reshape(1, 1, -1, 1)
    return condition(
        kernel(places, places),
        kernel(places, at),
        torch.ones_like(at),
        readings,
        mask,
        torch.full((1, 1, 1), noise**2, dtype=torch.float64),
    )


def test_what_was_read_stands_and_sigma_grows_away_from_it():
    asked = [0.0, 2.5, 9.0]
    answer = ask(MAX_CONTEXT, asked)
    off = answer.mean.flatten() - torch.sin(torch.tensor(asked, dtype=torch.float64))
    assert off[:2].abs().max() < 0.01
    sigma = answer.variance.sqrt().flatten().tolist()
    assert max(sigma[:2]) < 2e-3 < 0.5 < sigma[2]


def test_a_probe_that_does_not_count_changes_nothing():
    few, more = ask(3, [1.0, 4.0]), ask(12, [1.0, 4.0])
    assert few.variance[0, 0, 1, 0] > more.variance[0, 0, 1, 0]
    torch.testing.assert_close(ask(3, [1.0, 4.0]).mean, few.mean)
    assert float(few.mean.abs().max()) < 2.0  # the sevens beyond the third are not seen


def test_readings_that_a_law_expects_are_likelier_than_others():
    places = torch.linspace(0.0, 5.0, MAX_CONTEXT, dtype=torch.float64).reshape(1, 1, -1, 1)
    noise = torch.full((1, 1, 1), 1e-4, dtype=torch.float64)
    mask = torch.ones_like(places)

    def likelihood(readings, length):
        among = kernel(places, places, length)
        one = torch.ones_like(places)
        return float(condition(among, among, one, readings, mask, noise).log_likelihood)

    smooth = torch.sin(places)
    jagged = torch.tensor([1.0, -1.0] * 6, dtype=torch.float64).reshape(places.shape)
    assert likelihood(smooth, 1.0) > likelihood(smooth, 0.1)
    assert likelihood(jagged, 0.1) > likelihood(jagged, 1.0)


def test_the_inverse_written_out_for_graphs_is_the_inverse():
    torch.manual_seed(0)
    factor = torch.randn(2, 3, MAX_CONTEXT, 5, dtype=torch.float64)
    matrix = factor @ factor.transpose(2, 3) + 1e-4 * torch.eye(MAX_CONTEXT, dtype=torch.float64)
    for written, wanted in zip(gauss_jordan(matrix), invert(matrix), strict=True):
        torch.testing.assert_close(written, wanted, rtol=1e-7, atol=1e-5)
