"""The README names only what is there."""

import importlib
import re
from pathlib import Path

import pytest

from components.executor.cli import parser as node_parser
from components.jobs.labels import job_from_labels
from flows.cli.verb import Verb
from flows.cli.verbs import VERBS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
LEAVES = [leaf for verb in VERBS for leaf in verb.verbs or (verb,)]
READ_FIRST = re.findall(r"^\d\. `([\w/.]+\.py)`", README, re.MULTILINE)


def words_after(command: str) -> set[str]:
    """Verbs that follow a command's name in code, also in lists like `run, status`."""
    lists = re.findall(rf"`{command} ([a-z](?:[a-z, \n]|(?<=[a-z])-(?=[a-z]))*)", README)
    lines = re.findall(rf"^{command} ([a-z]+)", README, re.MULTILINE)
    words = re.compile(r"[a-z]+(?:-[a-z]+)*")
    return {word for text in (*lists, *lines) for word in words.findall(text)}


def test_the_files_to_read_first_are_there_and_short() -> None:
    assert len(READ_FIRST) == 6
    assert sum(len((ROOT / name).read_text().splitlines()) for name in READ_FIRST) < 600


def test_every_verb_of_joulepilot_is_named_and_every_named_one_is_there() -> None:
    known = {verb.name for verb in VERBS}
    under = {verb.name for group in VERBS for verb in group.verbs}
    table = {
        word
        for row in re.findall(r"^\| (`[a-z`, -]+) \|", README, re.MULTILINE)
        for word in re.findall(r"[a-z]+(?:-[a-z]+)*", row)
    }
    assert known | under <= table
    assert words_after("joulepilot") - {"make"} <= known | under | {"JOB"}


@pytest.mark.parametrize("verb", LEAVES, ids=lambda verb: verb.name)
def test_every_verb_has_a_function_that_can_be_loaded(verb: Verb) -> None:
    module, function = verb.handler.split(":")
    assert callable(getattr(importlib.import_module(module), function))


def test_every_verb_of_the_node_that_is_named_is_there() -> None:
    named = words_after("joulepilot-node")
    assert {"run", "status", "explain", "restore"} <= named
    text = node_parser().format_help()
    assert [verb for verb in sorted(named) if not re.search(rf"\b{verb}\b", text)] == []


def test_every_make_target_that_is_named_is_there() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z]+)", README)) <= targets


def test_the_labels_of_the_table_describe_a_job() -> None:
    rows = re.findall(r"^\| (`joulepilot\.[^|]+) \|", README, re.MULTILINE)
    pairs = dict(re.findall(r"`(joulepilot\.[\w-]+)=([^`]+)`", " ".join(rows)))
    job = job_from_labels("resnet", pairs)
    assert job is not None
    assert job.target.latency_ms == 7.0
    assert job.target.statistic == "p95"
