from __future__ import annotations

import json
from typing import TYPE_CHECKING

from components.policy.default_bundle import default_bundle
from components.releases.operations import seed
from components.releases.signature import Verifier, public_key_file
from flows.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_keys_are_made_once_shown_and_sign_what_comes_after(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = ["--home", str(tmp_path)]
    assert main(["keys", "show", *home]) == 1
    assert main(["keys", "new", *home, "--json"]) == 0
    made = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert made["public_key"] == str(public_key_file(tmp_path))
    assert main(["keys", "new", *home]) == 1
    assert main(["keys", "show", *home]) == 0
    said = capsys.readouterr()
    assert "BEGIN PUBLIC KEY" in said.out
    assert "is there already" in said.err
    Verifier(public_key_file(tmp_path)).check(seed(tmp_path, default_bundle()).release)
