"""What a joule costs by the signals that an administrator names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from components.executor.known_signals import KnownSignals
from components.planning.administrator import parse_administration

NOW_S = 1_800_000_000.0


def says(text: str):
    return parse_administration(text, Path("administrator.toml"), frozenset(range(8)))


def test_a_joule_costs_its_weight_its_grams_and_its_money(tmp_path):
    (tmp_path / "carbon.csv").write_text(f"time,value\n{NOW_S - 60},360\n{NOW_S + 3600},36\n")
    (tmp_path / "price.json").write_text(f'{{"rows": [{{"at": {NOW_S - 60}, "eur_per_mwh": 72}}]}}')
    administration = says(
        "[weights]\nenergy = 1.0\ncarbon = 2.0\ncost = 10.0\n"
        f'[signals.carbon]\nsource = "{tmp_path}/carbon.csv"\n'
        f'[signals.price]\nsource = "{tmp_path}/price.json"\nrows = "rows"\ntime = "at"\n'
        'value = "eur_per_mwh"\nfactor = 0.001\n'
    )
    signals = KnownSignals()
    signals.follow(administration)

    now = signals.joule_cost(administration, NOW_S, NOW_S)
    later = signals.joule_cost(administration, NOW_S + 3600.0, NOW_S)

    assert now == pytest.approx(1.0 + 2.0 * 360 / 3.6e6 + 10.0 * 0.072 / 3.6e6)
    assert later == pytest.approx(1.0 + 2.0 * 36 / 3.6e6 + 10.0 * 0.072 / 3.6e6)
    assert signals.health == ()


def test_a_signal_that_is_stale_or_gone_counts_for_nothing_and_is_told(tmp_path):
    path = tmp_path / "carbon.csv"
    path.write_text(f"time,value\n{NOW_S - 86_400},360\n")
    administration = says(f'[weights]\ncarbon = 1.0\n[signals.carbon]\nsource = "{path}"\n')
    signals = KnownSignals()
    signals.follow(administration)

    stale = signals.joule_cost(administration, NOW_S, NOW_S), signals.health
    path.unlink()
    gone = signals.joule_cost(administration, NOW_S, NOW_S), signals.health

    assert stale[0] == gone[0] == 0.0
    assert "stale" in stale[1][0]
    assert "carbon.csv" in gone[1][0]


def test_a_file_that_is_rewritten_is_read_again(tmp_path):
    path = tmp_path / "carbon.csv"
    path.write_text(f"time,value\n{NOW_S - 60},360\n")
    administration = says(f'[weights]\ncarbon = 1.0\n[signals.carbon]\nsource = "{path}"\n')
    signals = KnownSignals()
    signals.follow(administration)
    before = signals.joule_cost(administration, NOW_S, NOW_S)

    path.write_text(f"time,value\n{NOW_S - 60},36\n")
    os.utime(path, ns=(1, 1))

    assert signals.joule_cost(administration, NOW_S, NOW_S) == pytest.approx(before / 10.0)
