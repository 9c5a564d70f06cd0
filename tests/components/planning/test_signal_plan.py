"""Price and carbon intensity as an administrator file names them."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.planning.administrator import parse_administration
from components.planning.errors import AdministratorError


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('[signals.carbn]\nsource = "/a.csv"', "line 1: signals: 'carbn' is unknown"),
        ('[signals.carbon]\nsurce = "/a.csv"', "carbon has no source"),
        ('[signals.carbon]\nsource = "/a.csv"\nvalu = "g"', "line 3: signals: 'valu' is unknown"),
        ('[signals.carbon]\nsource = "a.csv"', "neither http"),
        ('[signals.carbon]\nsource = "/a.csv"\nfactor = "x"', "line 3: signals: factor"),
    ],
)
def test_what_is_written_wrongly_is_told_with_its_line(text, found):
    with pytest.raises(AdministratorError) as error:
        parse_administration(text, Path("administrator.toml"), frozenset(range(8)))

    assert found in error.value.found
