from __future__ import annotations

import subprocess
import sys


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    ).stdout


def test_onnxruntime_is_told_to_phone_nobody_before_it_is_imported():
    code = (
        "import sys, os\n"
        "import components.policy.brain\n"
        "assert 'onnxruntime' not in sys.modules\n"
        "os.environ.pop('ORT_DISABLE_TELEMETRY', None)\n"
        "from components.policy.onnx_runtime import load_onnxruntime\n"
        "load_onnxruntime()\n"
        "print(os.environ['ORT_DISABLE_TELEMETRY'])\n"
    )
    assert run(code).strip() == "1"


def test_deciding_imports_nothing_that_only_training_needs():
    code = (
        "import sys\n"
        "from components.policy.brain import load_brain\n"
        "from components.policy.search import Search\n"
        "from components.policy.default_bundle import default_bundle\n"
        "load_brain(default_bundle())\n"
        "heavy = {'torch', 'onnx', 'scipy', 'pandas', 'sklearn', 'gymnasium'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    assert run(code).strip() == "[]"
