"""What a check of device measurements found, in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from data_checks.device_checking import DeviceCheck


def print_device_check(found: DeviceCheck) -> None:
    """Nothing where nothing is new; else counts, and an example for each reason."""
    if not found.n_checked:
        return
    print(
        f"{found.n_passed} of {found.n_checked} new device measurements passed: "
        f"{found.verdict_reason}"
    )
    for reason, n_rows in found.reasons.items():
        print(f"  quarantined for {reason}: {n_rows} ({found.findings.get(reason, '')})")


def check_as_json(found: DeviceCheck) -> dict[str, object]:
    """Keys: n_checked, n_passed, n_quarantined, reasons, verdict, verdict_reason."""
    return {
        "n_checked": found.n_checked,
        "n_passed": found.n_passed,
        "n_quarantined": found.n_quarantined,
        "reasons": dict(found.reasons),
        "verdict": found.verdict,
        "verdict_reason": found.verdict_reason,
    }
