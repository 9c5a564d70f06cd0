import json

import pytest

from components.settings.settings import Settings
from flows.cli.main import main
from flows.learning import recorded_surfaces_of
from models.allocator.recording_surfaces import RECORDING_WEIGHT

SIDECAR = {
    "node_class": "some-1s4c4t",
    "model": "resnet",
    "batch_size": 4,
    "latency_unit": "batch",
    "latency_statistic": "mean",
    "n_logical": 4,
    "n_physical": 4,
    "source": "recorded",
    "targets_ms": [12, 24],
    "who": "kept",
}
ROWS = ("1,compact,40,50", "2,compact,20,60", "2,compact,22,62", "4,compact,12,80")


@pytest.fixture
def folder(tmp_path):
    def write(name="sweep", rows=ROWS, **changes):
        place = tmp_path / "measured"
        place.mkdir(exist_ok=True)
        table = "n_cpus,layout,latency_mean_ms,power_w\n" + "\n".join(rows) + "\n"
        (place / f"{name}.csv").write_text(table)
        (place / f"{name}.json").write_text(json.dumps(SIDECAR | changes))
        return place

    return write


@pytest.fixture
def joulepilot(tmp_path, capsys):
    def run(*words):
        code = main(["recordings", *words, "--home", str(tmp_path / "home"), "--json"])
        said = capsys.readouterr()
        return code, json.loads(said.out) if said.out else said.err

    return run


def test_a_recording_is_kept_listed_and_shown(folder, joulepilot):
    code, kept = joulepilot("import", str(folder() / "sweep.csv"))
    assert (code, [one["name"] for one in kept]) == (0, ["sweep"])
    assert joulepilot("list") == (0, kept)
    _, shown = joulepilot("show", "sweep")
    assert shown["targets_ms"] == [12, 24]
    assert shown["allocations"][1] == {
        "n_cpus": 2, "layout": "compact", "latency_mean_ms": 21.0, "power_w": 61.0
    }  # fmt: skip


def test_a_folder_is_kept_whole_and_once_more_does_nothing(folder, joulepilot):
    folder("one")
    place = folder("two", model="mlp")
    assert [one["name"] for one in joulepilot("import", str(place))[1]] == ["one", "two"]
    assert joulepilot("import", str(place))[0] == 0
    assert len(joulepilot("list")[1]) == 2


def test_a_damaged_recording_is_refused_with_the_row_named_and_nothing_is_kept(folder, joulepilot):
    folder("good")
    place = folder("torn", rows=(*ROWS, "4,compact,-3,80"))
    code, said = joulepilot("import", str(place))
    assert code == 1
    assert "torn.csv, row 5 (line 6)" in said
    assert "latency_mean_ms is '-3'" in said
    assert joulepilot("list") == (0, [])


def test_another_recording_under_a_name_that_is_kept_is_refused(folder, joulepilot):
    joulepilot("import", str(folder()))
    code, said = joulepilot("import", str(folder(rows=ROWS[:2])))
    assert code == 1
    assert "says something else" in said
    assert joulepilot("show", "sweep")[1]["n_allocations"] == 3


def test_a_name_that_is_not_kept_is_named_with_those_that_are(folder, joulepilot):
    joulepilot("import", str(folder()))
    code, said = joulepilot("show", "sweeep")
    assert code == 1
    assert "kept are sweep" in said


def test_what_is_kept_is_learned_from_per_image_and_weighted(folder, joulepilot, tmp_path):
    joulepilot("import", str(folder()))
    surfaces, _ = recorded_surfaces_of(Settings(home=tmp_path / "home").home)
    (surface,) = surfaces
    assert [point.latency_ms for point in surface.points] == [10.0, 5.25, 3.0]
    assert {point.weight for point in surface.points} == {RECORDING_WEIGHT}
    assert surface.targets_ms == (3.0, 6.0)
    assert surface.held_out == ()


def test_of_five_kept_recordings_one_node_is_judged_on_only(folder, joulepilot, tmp_path):
    for number in range(5):
        place = folder(f"sweep-{number}", node_class=f"class-{number}-1s4c4t")
    joulepilot("import", str(place))
    surfaces, _ = recorded_surfaces_of(tmp_path / "home")
    assert sorted(bool(surface.points) for surface in surfaces) == [False, True, True, True, True]
    assert all(bool(surface.points) is not bool(surface.held_out) for surface in surfaces)


def test_evaluating_on_a_folder_keeps_nothing_of_it(folder, joulepilot, tmp_path, capsys):
    place, home = folder(), tmp_path / "home"
    words = ["--predictions", str(tmp_path / "out.csv"), "--home", str(home)]
    assert main(["allocator", "evaluate", str(place), *words]) == 0
    capsys.readouterr()
    assert joulepilot("list") == (0, [])
    assert not list(home.glob("**/*.csv"))
