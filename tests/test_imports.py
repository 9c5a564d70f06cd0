"""Importing anything does nothing, and the executor stays light."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("components", "models", "data_checks", "flows")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
HEAVY = {
    "torch", "stable_baselines3", "sb3_contrib", "mlflow", "prefect", "pandas", "sklearn",
    "great_expectations", "docker", "deltalake", "onnx", "matplotlib", "fastapi", "models",
    "flows", "data_checks",
}  # fmt: skip
PROBE = """
import importlib, json, os, sys, threading
before = dict(os.environ)
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps({
    "packages": sorted({name.split(".")[0] for name in sys.modules}),
    "environment_changed": before != dict(os.environ),
    "threads": threading.active_count(),
}))
"""


def acts_when_imported(node: ast.stmt) -> bool:
    """Whether a statement at the top of a module does more than define names."""
    match node:
        case ast.Expr(value=ast.Constant()):
            return False
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return False
        case ast.If(test=ast.Compare(left=ast.Name(id="__name__"))):
            return False
        case (
            ast.Import() | ast.ImportFrom() | ast.FunctionDef() | ast.AsyncFunctionDef()
            | ast.ClassDef() | ast.Assign() | ast.AnnAssign()
        ):  # fmt: skip
            return False
    return True


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_only_defines_names(path: Path) -> None:
    if path.name == "__main__.py":
        return
    acting = [node.lineno for node in ast.parse(path.read_text()).body if acts_when_imported(node)]
    assert acting == []


def imported_alone(modules: list[str], folder: Path) -> dict[str, object]:
    environment = os.environ | {"HOME": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-W", "error", "-c", PROBE, *modules]
    result = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return dict(json.loads(result.stdout))


def test_the_executor_imports_nothing_heavy_and_leaves_no_trace(tmp_path: Path) -> None:
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in (ROOT / "components/executor").glob("*.py")
        if path.name not in {"__init__.py", "__main__.py"}
    ]
    seen = imported_alone(["components.executor", *modules], tmp_path)
    packages = seen["packages"]
    assert isinstance(packages, list)
    assert HEAVY & set(packages) == set()
    assert seen["environment_changed"] is False
    assert seen["threads"] == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("module", ["flows.cli.main", "components.executor.cli"])
def test_the_help_of_a_command_imports_no_big_library(module: str, tmp_path: Path) -> None:
    packages = imported_alone([module], tmp_path)["packages"]
    assert isinstance(packages, list)
    third_party = HEAVY | {"numpy", "onnxruntime", "opentelemetry", "google"}
    assert (third_party - {"flows"}) & set(packages) == set()
