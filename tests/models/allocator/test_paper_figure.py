from pathlib import Path

import matplotlib.image
import pytest

from models.allocator.paper import PaperRow
from models.allocator.paper_figure import draw_figure_2
from models.allocator.paper_sweep import average_sweep


@pytest.mark.parametrize(("target_ms", "n_cpus"), [(7.0, 25), (5.0, 55), (2.0, 100)])
def test_the_figure_is_a_picture_with_something_on_it(
    tmp_path: Path, simulate, target_ms: float, n_cpus: int
) -> None:
    sweep = average_sweep(simulate())
    row = PaperRow(
        seed=0,
        target_ms=target_ms,
        n_cpus=n_cpus,
        optimal_n_cpus={7.0: 25, 5.0: 61}.get(target_ms),
        paper_n_cpus=None,
        latency_ms=float(sweep.latency_ms[n_cpus - 1]),
        power_w=float(sweep.power_w[n_cpus - 1]),
        meets_target=False,
    )
    path = draw_figure_2(sweep, row, tmp_path / "figure-2.png")
    pixels = matplotlib.image.imread(path)
    assert pixels.shape[:2] == (576, 960)
    assert 0.02 < (pixels[..., :3].min(axis=2) < 0.9).mean() < 0.5
