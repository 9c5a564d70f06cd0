"""The fault matrix names tests that are there."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROWS = tomllib.loads((ROOT / "tests/faults/matrix.toml").read_text())["row"]


def test_every_test_that_the_matrix_names_is_there_once_a_row():
    functions = {}
    for row in ROWS:
        assert row["tests"]
        assert len(set(row["tests"])) == len(row["tests"])
        assert set(row["kinds"]) <= {"U", "D", "S"}
        for test in row["tests"]:
            path, _, name = test.partition("::")
            if path not in functions:
                tree = ast.parse((ROOT / path).read_text())
                functions[path] = {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}
            assert name in functions[path], test


def test_every_fault_has_a_row_of_its_own():
    faults = [row["fault"] for row in ROWS]

    assert len(set(faults)) == len(faults)
