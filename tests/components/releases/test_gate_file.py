"""The gate's rules as a file."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files

import pytest

from components.releases.errors import GateFileError
from components.releases.gate import ChallengerFacts, GateSettings, judge
from components.releases.gate_file import ADVISABLE, NAME, gate_settings, read_gate_file
from components.releases.scores import CaseScore, Scores

FACTS = ChallengerFacts(
    digest="a" * 64,
    data_checked=True,
    lake_version=3,
    n_overlapping_rows=0,
    bundle_bytes=150_000,
    bundle_problem=None,
)


def scores(policy: str, regret: float, power_w: float) -> Scores:
    cases = tuple(CaseScore(f"case {n}", regret + n / 1e4, False, 5, 0, power_w) for n in range(40))
    return Scores(policy, "e" * 64, cases)


CHAMPION, ALL_CPUS = scores("champion", 0.0, 200.0), scores("all CPUs", 0.5, 300.0)
WORSE = scores("worse", 0.3, 280.0)


def test_the_shipped_file_says_what_the_code_defaults_to(tmp_path):
    assert gate_settings(tmp_path) == GateSettings()


def test_the_shipped_file_names_every_rule_that_may_only_advise():
    text = files("components.releases").joinpath(NAME).read_text()
    assert all(f'"{name}"' in text for name in ADVISABLE)


def test_every_rule_that_may_advise_is_one_of_the_gate():
    of_cpus = judge(CHAMPION, CHAMPION, ALL_CPUS, FACTS).rules
    static = {"reference": "the best static device", "cost": "energy"}
    of_devices = judge(CHAMPION, CHAMPION, ALL_CPUS, FACTS, **static).rules
    assert set(ADVISABLE) < {rule.name for rule in (*of_cpus, *of_devices)}


def test_a_file_in_the_home_takes_its_place_key_by_key(tmp_path):
    (tmp_path / NAME).write_text("min_cases = 35\n")
    assert gate_settings(tmp_path) == replace(GateSettings(), min_cases=35)


@pytest.mark.parametrize(
    "text",
    [
        "margins = 0.1",
        "margin = 'wide'",
        "margin = nan",
        "margin = 2",
        "min_cases = 0",
        "min_cases = true",
        "advisory = 'data checked'",
        'advisory = ["bundle checked"]',
        'advisory = ["regret"]',
        "advisory = [1]",
        "margin =",
    ],
)
def test_what_cannot_be_followed_is_refused(text):
    with pytest.raises(GateFileError):
        read_gate_file(text, "gate.toml")


def test_a_file_that_cannot_be_read_loosens_nothing(tmp_path):
    (tmp_path / NAME).write_bytes(b"\xff")
    with pytest.raises(GateFileError):
        gate_settings(tmp_path)


def test_a_rule_that_only_advises_stops_nothing_and_is_told():
    strict = judge(WORSE, CHAMPION, ALL_CPUS, FACTS)
    failing = tuple(rule.name for rule in strict.failures)
    loose = judge(WORSE, CHAMPION, ALL_CPUS, FACTS, GateSettings(advisory=failing))

    assert failing
    assert loose.passed
    told = [rule for rule in loose.rules if rule.name in failing]
    assert all("only advises" in rule.needed for rule in told)
    assert [rule.found for rule in told] == [rule.found for rule in strict.failures]


def test_other_rules_decide_on():
    loose = GateSettings(advisory=("data checked",))
    assert not judge(WORSE, CHAMPION, ALL_CPUS, FACTS, loose).passed
