"""Networks as files, made when they are first asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from models.device_classifier.network_features import network_features
from models.device_classifier.network_features_graph import read_network
from models.device_classifier.network_features_structure import structure_digest
from models.device_classifier.zoo.catalogue import NETWORKS, build, require_known
from models.device_classifier.zoo.inputs import input_specs
from models.device_classifier.zoo.quantised import quantise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.device_classifier.network_features import NetworkFeatures
    from models.device_classifier.zoo.inputs import InputSpec

ENDING = ".onnx"


@dataclass(frozen=True, slots=True)
class NetworkFile:
    """One network that can be run.

    Attributes:
        name: of the zoo, or of the file without its ending.
        path: of the network as given.
        structure: shared by functionally equal networks.
        features: of the network as given, for one input.
        inputs: what a run is given.
    """

    name: str
    path: Path
    structure: str
    features: NetworkFeatures
    inputs: tuple[InputSpec, ...]


class NetworkFiles:
    """A folder in which drawn and quantised networks are kept between runs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def named(self, names: Sequence[str]) -> tuple[NetworkFile, ...]:
        """Networks of the zoo by name, or ONNX files by path; all of the zoo when none is given.

        Raises:
            NetworkError: one is neither.
        """
        require_known([name for name in names if not name.endswith(ENDING)])
        return tuple(self.one(name) for name in names or tuple(NETWORKS))

    def one(self, name: str) -> NetworkFile:
        """A network of the zoo, drawn at the first call, or an ONNX file.

        Raises:
            NetworkError: it is neither.
        """
        path = Path(name) if name.endswith(ENDING) else self._drawn(name)
        model = read_network(path)
        return NetworkFile(
            name=path.stem,
            path=path,
            structure=structure_digest(model),
            features=network_features(model),
            inputs=input_specs(model),
        )

    def int8(self, network: NetworkFile) -> Path:
        """Its 8-bit variant, quantised at the first call.

        Raises:
            NetworkError: the file is gone.
        """
        path = self._folder / f"{network.name}-{network.structure}.int8{ENDING}"
        if not path.is_file():
            self._folder.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(".part")
            quantise(read_network(network.path), part)
            part.replace(path)
        return path

    def _drawn(self, name: str) -> Path:
        path = self._folder / f"{name}{ENDING}"
        if not path.is_file():
            data = build(name).SerializeToString(deterministic=True)
            self._folder.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(".part")
            part.write_bytes(data)
            part.replace(path)
        return path
