"""Alert rules: Prometheus accepts them, and each fires when it should and not before."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from components.executor import metrics_page

ALERTS = Path(__file__).parent.parent / "deployments/alerts"


@pytest.mark.skipif(
    shutil.which("promtool") is None, reason="needs promtool (apt-get install prometheus)"
)
@pytest.mark.parametrize(
    "words", [("check", "rules", "joulepilot.rules.yml"), ("test", "rules", "joulepilot.test.yml")]
)
def test_promtool_passes_them(words: tuple[str, ...]) -> None:
    result = subprocess.run(
        ["promtool", *words], cwd=ALERTS, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_rule_has_a_test_and_a_next_command() -> None:
    rules = (ALERTS / "joulepilot.rules.yml").read_text()
    names = re.findall(r"alert: (\w+)", rules)
    tested = set(re.findall(r"alertname: (\w+)", (ALERTS / "joulepilot.test.yml").read_text()))
    assert set(names) == tested
    assert rules.count("next: ") == len(names) >= 6


def test_every_metric_in_a_rule_is_one_that_a_node_prints() -> None:
    rules = (ALERTS / "joulepilot.rules.yml").read_text()
    named = set(
        re.findall(r"\b(?:joulepilot_\w+|hw_\w+)", " ".join(re.findall(r"expr: .*", rules)))
    )
    source = Path(metrics_page.__file__).read_text()
    assert named
    assert {name for name in named if f'"{name}"' not in source} == set()
