"""What the executor holds stays small with a device classifier in it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MAX_RSS_KIB = 80 * 1024
AS_THE_EXECUTOR_DOES = """
import sys
from pathlib import Path
import components.executor.cli_run, components.executor.wiring
from components.executor.device_following import load_device_classifier
from components.policy.brain import load_brain
from components.policy.default_bundle import default_bundle
from components.policy.device_predictor import DevicePredictor
import numpy as np

brain = load_brain(default_bundle())
classifier = load_device_classifier(Path(sys.argv[1]))
low = np.array([[spec.low for spec in classifier.brain.facts.features]])
for _ in range(20):
    DevicePredictor(classifier.brain).expected_rows(low)
status = Path("/proc/self/status").read_text()
print(status.split("VmRSS:")[1].split()[0])
"""


def test_the_executors_policies_and_a_classifier_together_stay_under_80_mib(folder: Path) -> None:
    command = [sys.executable, "-c", AS_THE_EXECUTOR_DOES, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert int(done.stdout) < MAX_RSS_KIB
