"""What is unlike all that was learned from is said to be so."""

import numpy as np
import pytest

from models.device_classifier.features import FeatureViews
from models.device_classifier.region import STRANGE, Region, fit_region

N_ROWS = 120


@pytest.fixture
def region() -> Region:
    """Two wide features that go together, and one that never varied."""
    rng = np.random.default_rng(0)
    size = np.exp(rng.uniform(0, 8, N_ROWS))
    features = np.column_stack(
        [size, size * np.exp(0.2 * rng.normal(size=N_ROWS)), np.full(N_ROWS, 1.0)]
    )
    views = FeatureViews.fitted(("a", "b", "c"), features)
    return fit_region(views, features, (np.arange(N_ROWS) // 4).astype(str), seed=0)


def test_what_lies_between_what_was_seen_is_usual(region: Region) -> None:
    assert region.strangeness(np.array([[50.0, 55.0, 1.0]]))[0] < STRANGE


@pytest.mark.parametrize(
    "row",
    [
        [1e8, 1e8, 1.0],  # larger than all
        [50.0, 55.0, 0.3],  # another value of what never varied
        [2.0, 2500.0, 1.0],  # each seen, but never together
    ],
)
def test_what_was_never_seen_is_strange(region: Region, row: list[float]) -> None:
    assert region.strangeness(np.array([row]))[0] > STRANGE


def test_a_table_whose_features_never_vary_still_has_a_region() -> None:
    features = np.ones((9, 2))
    views = FeatureViews.fitted(("a", "b"), features)
    region = fit_region(views, features, np.arange(9).astype(str), seed=0)
    assert region.strangeness(np.array([[1.0, 1.0], [1.0, 9.0]])).tolist()[0] < STRANGE
    assert region.strangeness(np.array([[1.0, 9.0]]))[0] > STRANGE
