"""`classifier.json`: what a device classifier says of itself, as strict JSON."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

from components.policy.device_graphs import COST_UNITS
from components.policy.errors import BundleError
from components.policy.feature_spec import FeatureSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What the graphs of a device classifier are fed and mean.

    Attributes:
        devices: name → kind (`cpu`, `igpu`, `dgpu`, …), in the order of the graphs' columns.
        features: in the order of the graphs' columns; low and high as seen in training.
        sure_from: by objective, the probability from which a choice is sure.
        deciders: by objective, the names of the learners that decide.
        source: `recorded` or `simulated`, as its table says.
        n_rows: learned from.
    """

    devices: Mapping[str, str]
    features: tuple[FeatureSpec, ...]
    sure_from: Mapping[str, float]
    deciders: Mapping[str, str]
    source: str
    n_rows: int
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        if self.schema_version != SCHEMA_VERSION:
            raise _bad(f"schema version {self.schema_version}")
        if not self.devices or not self.features or not self.sure_from:
            raise _bad("no devices, features or objectives")
        if set(self.sure_from) - set(COST_UNITS) or set(self.deciders) != set(self.sure_from):
            raise _bad(f"objectives {sorted(self.sure_from)} and deciders {sorted(self.deciders)}")
        if not all(0.0 <= p <= 1.0 for p in self.sure_from.values()):
            raise _bad("a probability outside of [0, 1]")
        if not all(math.isfinite(each.low) and each.low <= each.high for each in self.features):
            raise _bad("a feature whose range is none")

    @property
    def objectives(self) -> tuple[str, ...]:
        """Which of latency, energy and throughput it decides."""
        return tuple(self.sure_from)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """In the order of the graphs' columns."""
        return tuple(each.name for each in self.features)

    @property
    def device_names(self) -> tuple[str, ...]:
        """In the order of the graphs' columns."""
        return tuple(self.devices)


def facts_to_json(facts: DeviceFacts) -> bytes:
    """Write the file, the same bytes for the same content."""
    return (json.dumps(asdict(facts), indent=1, allow_nan=False) + "\n").encode()


def facts_from_json(data: bytes) -> DeviceFacts:
    """Read the file.

    Raises:
        BundleError: it is no JSON, or a key is missing, unknown, or of the wrong type.
    """
    try:
        content = json.loads(data)
        known = {field.name for field in fields(DeviceFacts)}
        if not isinstance(content, dict) or set(content) != known:
            raise _bad(f"other keys than {sorted(known)}")
        content["features"] = tuple(FeatureSpec(**each) for each in content["features"])
        content["devices"] = {str(k): str(v) for k, v in content["devices"].items()}
        content["deciders"] = {str(k): str(v) for k, v in content["deciders"].items()}
        content["sure_from"] = {str(k): float(v) for k, v in content["sure_from"].items()}
        return DeviceFacts(**content)
    except (ValueError, TypeError, AttributeError) as error:
        raise _bad(f"what cannot be read: {error}") from error


def _bad(found: str) -> BundleError:
    return BundleError(
        "asked for a device classifier",
        f"classifier.json names {found}",
        "take it again from where it was built, with a joulepilot that knows it",
    )
