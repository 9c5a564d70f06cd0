"""`joulepilot allocator evaluate` as people type it, on recordings of made-up nodes."""

import csv
import json

import pytest

from components.jobs.candidate import Candidate
from components.madeup.populations import draw
from components.policy.default_bundle import default_bundle
from components.releases.store import BundleStore
from flows.cli.main import main

COLUMNS = ["recording", "target_ms", "n_cpus", "layout", "probes", "infeasible"]


def record(folder, surface, counts, targets, **changes):
    """Write down the truth about a made-up node, as somebody who swept it would."""
    candidates = [Candidate(n) for n in counts]
    latency_ms, power_w = surface.latency_ms(candidates), surface.power_w(candidates)
    name = f"simulated-{surface.name}"
    with (folder / f"{name}.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["n_cpus", "layout", "latency_mean_ms", "power_w"])
        for row in zip(counts, latency_ms, power_w, strict=True):
            writer.writerow([row[0], "compact", *map(float, row[1:])])
    topology = surface.topology
    sidecar = {
        "node_class": "made-up",
        "model": "m",
        "batch_size": 1,
        "latency_unit": "image",
        "latency_statistic": "mean",
        "n_logical": topology.n_logical,
        "n_physical": topology.n_physical,
        "idle_w": 0.5 * float(power_w.min()),
        "source": "simulated",
        "targets_ms": [factor * float(latency_ms.min()) for factor in targets],
    }
    (folder / f"{name}.json").write_text(json.dumps(sidecar | changes))


@pytest.fixture
def folder(tmp_path):
    """Three recordings: all counts, sparse ones, and one with a target that nothing meets."""
    made = tmp_path / "made"
    made.mkdir()
    for index, surface in enumerate(draw("stepped", 11, 3)):
        n_logical = surface.topology.n_logical
        sparse = [n for n in (1, 2, 4, 8, 16, 32, 64, 128) if n < n_logical] + [n_logical]
        counts = sparse if index else list(range(1, n_logical + 1))
        record(made, surface, counts, [0.5, 1.3] if index == 2 else [1.2, 2.0, 5.0])
    return made


def evaluate(folder, out, *words):
    home = str(out.parent / "home")
    return main(
        ["allocator", "evaluate", str(folder), "--predictions", str(out), "--home", home, *words]
    )


def rows_of(out):
    with out.open(newline="") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
    assert reader.fieldnames == COLUMNS
    return rows


def test_every_target_of_every_recording_gets_a_row_in_order(folder, tmp_path, capsys):
    out = tmp_path / "out.csv"
    assert evaluate(folder, out) == 0
    asked = []
    for sidecar in sorted(folder.glob("*.json")):
        targets = json.loads(sidecar.read_text())["targets_ms"]
        asked.extend((f"made/{sidecar.stem}", target) for target in targets)
    rows = rows_of(out)
    assert [(row["recording"], float(row["target_ms"])) for row in rows] == asked
    for row in rows:
        recorded = (folder / f"{row['recording'].removeprefix('made/')}.csv").read_text()
        if row["infeasible"] == "true":
            assert (row["n_cpus"], row["layout"]) == ("", "")
        else:
            assert f"\n{row['n_cpus']},{row['layout']}," in recorded
    assert [row["infeasible"] for row in rows].count("true") == 1
    said = capsys.readouterr().out
    assert "8 targets on 3 recordings" in said
    assert "binary search" in said


def test_machines_read_the_same_figures(folder, tmp_path, capsys):
    assert evaluate(folder, tmp_path / "out.csv", "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["recordings"], facts["targets"], facts["noise"]) == (3, 8, 0.0)
    ours = facts["figures"][0]
    assert (ours["violations"], ours["false_infeasible"]) == (0, 0)
    assert ours["exact"] >= 7
    assert 0.0 <= ours["regret_mean"] <= ours["regret_above_idle_mean"]
    assert ours["probes_mean"] == pytest.approx(
        sum(int(row["probes"]) for row in rows_of(tmp_path / "out.csv")) / 8
    )
    assert "oracle" in {figure["contender"] for figure in facts["figures"]}


def test_the_same_seed_reads_the_same_noise(folder, tmp_path):
    texts = []
    for name, seed in (("a.csv", "1"), ("b.csv", "1"), ("c.csv", "2")):
        assert evaluate(folder, tmp_path / name, "--noise", "0.05", "--seed", seed) == 0
        texts.append((tmp_path / name).read_text())
    assert texts[0] == texts[1] != texts[2]


def test_predictions_may_lie_beside_the_recordings(folder):
    for _ in range(2):
        assert evaluate(folder, folder / "out.csv") == 0
    assert len(rows_of(folder / "out.csv")) == 8


def test_a_bundle_is_named_by_folder_or_digest(folder, tmp_path, capsys):
    digest = BundleStore(tmp_path / "home" / "bundles").add(default_bundle())
    for name in (str(default_bundle()), digest[:8]):
        assert evaluate(folder, tmp_path / "out.csv", "--bundle", name, "--json") == 0
        assert json.loads(capsys.readouterr().out)["bundle"] == digest


def test_a_damaged_recording_is_refused_and_nothing_is_written(folder, tmp_path, capsys):
    out = tmp_path / "out.csv"
    out.write_text("kept\n")
    damaged = sorted(folder.glob("*.csv"))[1]
    damaged.write_text(damaged.read_text() + "2,compact,broken,9\n")
    assert evaluate(folder, out) == 1
    said = capsys.readouterr().err
    assert f"{damaged}, row {len(damaged.read_text().splitlines()) - 1}" in said
    assert "latency_mean_ms is 'broken'" in said
    assert "what to do:" in said
    assert out.read_text() == "kept\n"
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--noise", "-1"), "asked for noise -1"),
        (("--noise", "nan"), "asked for noise nan"),
        (("--seed", "-1"), "a seed is 0 or more"),
        (("--bundle", "nowhere"), "it is no folder"),
        (("--bundle", "00000000"), "fits 0 digests"),
    ],
)
def test_what_cannot_be_asked_is_said_before_anything_is_read(
    folder, tmp_path, capsys, words, said
):
    assert evaluate(folder, tmp_path / "out.csv", *words) == 1
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out.csv").exists()


def test_a_recording_is_never_overwritten(folder, capsys):
    recording = min(folder.glob("*.csv"))
    before = recording.read_text()
    assert evaluate(folder, recording) == 1
    assert "that is a recording" in capsys.readouterr().err
    assert recording.read_text() == before
