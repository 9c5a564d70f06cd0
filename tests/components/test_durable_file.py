from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from components.durable_file import replace_file

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "new" / "state"
    replace_file(path, "one")
    replace_file(path, "two\n")
    assert path.read_text() == "two\n"
    assert [p.name for p in path.parent.iterdir()] == ["state"]


def test_what_cannot_be_written_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "state"
    replace_file(path, "old")
    (tmp_path / ".state.new").mkdir()
    with pytest.raises(OSError, match=r"\.state\.new"):
        replace_file(path, "new")
    assert path.read_text() == "old"
