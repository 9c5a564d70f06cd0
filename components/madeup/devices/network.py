"""Made-up networks, described by what their graph alone would tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

BYTES_PER_VALUE = 4
KINDS = ("dense", "convolution", "mobile", "attention")
TWIN_SHARE = 0.15  # so many networks are functionally equal to the one before


@dataclass(frozen=True, slots=True)
class MadeUpNetwork:
    """One network; all figures are for one input.

    Attributes:
        name: unique; `group` is shared by functionally equal networks.
        gmac_dense: billions of multiply-accumulates in dense layers; the others likewise.
        parameters_mb: weights; `activations_mb` what all layers write; `input_mb` the input.
        launches: kernels started by one run.
    """

    name: str
    group: str
    layers: int
    depth: int
    gmac_dense: float
    gmac_conv: float
    gmac_depthwise: float
    gmac_attention: float
    parameters_mb: float
    activations_mb: float
    input_mb: float
    launches: int

    @property
    def gmac(self) -> float:
        """All multiply-accumulates of one input, in billions."""
        return self.gmac_dense + self.gmac_conv + self.gmac_depthwise + self.gmac_attention


def draw_networks(rng: np.random.Generator, n_networks: int) -> tuple[MadeUpNetwork, ...]:
    """Draw networks of four kinds; some are twins of the one before, in the same group."""
    networks: list[MadeUpNetwork] = []
    for index in range(n_networks):
        name = f"simulated-net-{index:03d}"
        if networks and rng.random() < TWIN_SHARE:
            networks.append(_twin(networks[-1], name))
        else:
            networks.append(_draw(rng, name))
    return tuple(networks)


def _twin(network: MadeUpNetwork, name: str) -> MadeUpNetwork:
    fields = {field: getattr(network, field) for field in MadeUpNetwork.__slots__}
    return MadeUpNetwork(**{**fields, "name": name})


def _draw(rng: np.random.Generator, name: str) -> MadeUpNetwork:
    kind = KINDS[int(rng.integers(len(KINDS)))]
    layers = int(rng.integers(2, 10) if kind == "dense" else rng.integers(8, 120))
    size = float(10 ** rng.uniform(-5.0, -2.0) if kind == "dense" else 10 ** rng.uniform(-2, 1))
    dense_share = {"dense": 1.0, "convolution": 0.05, "mobile": 0.1, "attention": 0.75}[kind]
    other = size * (1 - dense_share)
    depthwise = other * rng.uniform(0.1, 0.4) if kind == "mobile" else 0.0
    reuse = {"dense": 1.0, "convolution": 150.0, "mobile": 90.0, "attention": 60.0}[kind]
    gmac_per_value = reuse * rng.uniform(0.5, 2.0)
    return MadeUpNetwork(
        name=name,
        group=name.replace("net", "group"),
        layers=layers,
        depth=int(layers * rng.uniform(0.6, 1.0)) + 1,
        gmac_dense=size * dense_share,
        gmac_conv=other - depthwise if kind != "attention" else 0.0,
        gmac_depthwise=depthwise,
        gmac_attention=other if kind == "attention" else 0.0,
        parameters_mb=size * 1000 * BYTES_PER_VALUE / gmac_per_value,
        activations_mb=layers * 10 ** rng.uniform(-3.5, -2.5)
        if kind == "dense"
        else size**0.5 * 10 ** rng.uniform(0.5, 1.3),
        input_mb=float(rng.choice((0.003, 0.012) if kind == "dense" else (0.15, 0.6, 1.2))),
        launches=int(layers * rng.uniform(1.5, 3.5)),
    )
