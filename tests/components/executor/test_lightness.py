"""What the executor costs a node before it has done anything."""

from __future__ import annotations

import subprocess
import sys
import time

HEAVY = (
    "torch", "stable_baselines3", "mlflow", "prefect", "pandas", "sklearn", "great_expectations",
    "docker", "deltalake", "onnx", "pyarrow",
)  # fmt: skip


def test_a_wired_executor_with_a_loaded_policy_imports_nothing_heavy():
    program = (
        "import sys; import components.executor.cli_run, components.executor.cli_ask;"
        "import components.executor.madeup_ports, components.telemetry.otlp_out;"
        "from components.policy.brain import load_brain;"
        "from components.policy.default_bundle import default_bundle;"
        "load_brain(default_bundle());"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )

    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert result.stdout.strip() == "[]"


def test_help_comes_at_once():
    times = []
    for _ in range(3):
        start = time.monotonic()
        result = subprocess.run(
            [sys.executable, "-m", "components.executor", "--help"],
            capture_output=True,
            text=True,
            check=True,
        )
        times.append(time.monotonic() - start)

    assert "rollback" in result.stdout
    assert min(times) < 0.5


def test_a_verb_there_is_not_is_refused():
    result = subprocess.run(
        [sys.executable, "-m", "components.executor", "dance"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 2
