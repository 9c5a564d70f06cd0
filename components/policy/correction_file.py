"""What online tuning learned, as a file: whole after a crash, bound to one bundle."""

from __future__ import annotations

import json
import logging
import math
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from components.durable_file import replace_file
from components.policy.correction import Correction, Estimate, Key

if TYPE_CHECKING:
    from pathlib import Path

    from components.policy.correction import CorrectionSettings

logger = logging.getLogger(__name__)
SCHEMA_VERSION = 1


def save_correction(path: Path, correction: Correction, policy_digest: str) -> None:
    """Write all estimates, atomically and durably.

    Raises:
        OSError: it could not be written; the old file is as it was.
    """
    content = {
        "schema_version": SCHEMA_VERSION,
        "policy_digest": policy_digest,
        "estimates": [
            {**asdict(key), **asdict(estimate)} for key, estimate in correction.estimates.items()
        ],
    }
    replace_file(path, json.dumps(content, indent=1, allow_nan=False) + "\n")


def load_correction(
    path: Path, settings: CorrectionSettings, policy_digest: str, now_s: float
) -> Correction:
    """Read what was learned; nothing where the file is missing, damaged, or of another bundle.

    A damaged file must not keep a node from starting: that is logged, and learned again. What
    was learned of another bundle's predictions says nothing about this one's.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        estimates = _estimates(content)
        digest = content["policy_digest"]
    except FileNotFoundError:
        return Correction(settings)
    except (OSError, ValueError, KeyError, TypeError) as error:
        logger.warning("what was tuned in %s is unusable (%s): starting anew", path, error)
        return Correction(settings)
    if digest != policy_digest:
        logger.info("what was tuned in %s was of another policy: starting anew", path)
        return Correction(settings)
    return Correction(settings, estimates).without_expired(now_s)


def _estimates(content: dict[str, Any]) -> dict[Key, Estimate]:
    if content["schema_version"] != SCHEMA_VERSION:
        raise ValueError(f"schema version {content['schema_version']}")
    return dict(_estimate(entry) for entry in content["estimates"])


def _estimate(entry: dict[str, object]) -> tuple[Key, Estimate]:
    names = {field.name for kind in (Key, Estimate) for field in fields(kind)}
    if set(entry) != names:
        raise ValueError(f"an estimate with {sorted(entry)}")
    key = Key(*(str(entry[field.name]) for field in fields(Key)))
    mean, variance, updated_s = (_number(entry[n]) for n in ("mean", "variance", "updated_s"))
    surprise, n_observed = (int(_number(entry[n])) for n in ("surprise", "n_observed"))
    if variance < 0:
        raise ValueError(f"a variance of {variance}")
    return key, Estimate(mean, variance, surprise, n_observed, updated_s)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} where a finite number belongs")
    return float(value)
