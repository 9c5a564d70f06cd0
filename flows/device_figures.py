"""The figures of a device classifier's training, as MLflow shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.registry.figures import (
    calibration_figure,
    confusion_figure,
    regret_by_target_figure,
    regret_figure,
)
from models.device_classifier.bundling_scores import best_devices, choices_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from components.policy.device_bundle import DeviceClassifier
    from components.releases.scores import Scores
    from models.device_classifier.bundling_scores import DeviceCases


def device_figures(
    challenger: DeviceClassifier, cases: DeviceCases, scores: Mapping[str, Scores], folder: Path
) -> tuple[Path, ...]:
    """Draw what was chosen where what was best, how sure it was, and regret by case and target.

    Raises:
        PolicyError: the classifier was made for other features or devices.
    """
    choices, best = choices_of(challenger, cases), best_devices(cases)
    pairs = [(one, choice.device) for one, choice in zip(best, choices, strict=True)]
    said = [choice.p for choice in choices], [one == chosen for one, chosen in pairs]
    regrets = {role: [case.regret for case in of.cases] for role, of in scores.items()}
    return (
        confusion_figure(folder / "confusion.png", cases.table.devices, pairs),
        calibration_figure(
            folder / "calibration.png", "Whether the device is the best", {"challenger": said}
        ),
        regret_figure(folder / "regret.png", regrets),
        regret_by_target_figure(folder / "regret-by-target.png", cases.targets_ms, regrets),
    )
