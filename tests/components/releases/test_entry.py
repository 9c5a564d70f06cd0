from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.jobs.job import Mode
from components.releases.desired import Desired, Ring
from components.releases.entry import Kind, Release, entry_name
from components.releases.errors import EntryError
from components.releases.sweep import SweepRequest
from components.releases.verdict import RuleResult, Verdict

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
A, B = "a" * 64, "b" * 64
GOOD = Verdict.of(A, (RuleResult("regret", True, "0", "0", "Fine."),))
BAD = Verdict.of(A, (RuleResult("regret", False, "1", "0", "Worse."),))
ALL = (Ring(("*",), {"core-allocator": A}),)


def promotion(**changes: object) -> Release:
    release = Release(
        sequence=1,
        kind=Kind.PROMOTE,
        desired=Desired(ALL),
        who="ann",
        when=NOON,
        why="better",
        evidence={"run": "r1", "regret": 0.01, "rows": 12, "live": True, "none": None},
        verdict=GOOD,
    )
    return replace(release, **changes)  # type: ignore[arg-type]


words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20).filter(str.strip)
digests = st.text("0123456789abcdef", min_size=64, max_size=64)
patterns = st.lists(words, min_size=1, max_size=3).map(tuple)
times = st.integers(0, 2**32).map(lambda s: datetime.fromtimestamp(s, UTC))
numbers = st.floats(allow_nan=False, allow_infinity=False)
scalars = (
    st.none() | st.booleans() | st.integers() | numbers | st.text(st.characters(codec="utf-8"))
)
policies = st.dictionaries(words, digests, max_size=3)
desired_states = st.builds(
    lambda rings, last, mode, paused: Desired((*rings, Ring(("*",), last)), mode, tuple(paused)),
    st.lists(st.builds(Ring, patterns, policies), max_size=2),
    policies,
    st.sampled_from(Mode),
    st.lists(words, max_size=2),
)
sweeps = st.builds(
    SweepRequest,
    nodes=patterns,
    n_windows=st.integers(1, 100),
    n_points=st.none() | st.integers(1, 100),
    window_s=st.none() | st.integers(1, 60) | st.floats(0.1, 60),
    not_after=times,
)


@st.composite
def releases(draw: st.DrawFn) -> Release:
    kind = draw(st.sampled_from([Kind.ROLLBACK, Kind.PAUSE, Kind.RESUME, Kind.SWEEP]))
    return Release(
        sequence=draw(st.integers(1, 10**7)),
        kind=kind,
        desired=draw(desired_states),
        who=draw(words),
        when=draw(times),
        why=draw(words),
        evidence=draw(st.dictionaries(words, scalars, max_size=4)),
        verdict=draw(st.sampled_from([None, GOOD, BAD])),
        sweep=draw(sweeps) if kind is Kind.SWEEP else None,
        expires_at=draw(st.none() | times),
    )


@given(releases())
def test_what_was_written_is_read_as_the_same(release: Release) -> None:
    assert Release.from_json(release.to_json()) == release


@given(releases(), st.data())
def test_no_digit_or_letter_of_a_value_can_be_changed_unseen(
    release: Release, data: st.DataObject
) -> None:
    text = release.to_json()
    place = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.sampled_from("0123456789abcdefxyz"))
    changed = text[:place] + letter + text[place + 1 :]
    try:
        read = Release.from_json(changed)
    except EntryError:
        return
    assert read == release  # only the space between values was touched


def test_an_unknown_key_is_refused_by_name_at_every_level() -> None:
    for path in ((), ("desired",), ("desired", "rings", 0), ("verdict",), ("verdict", "rules", 0)):
        content = json.loads(promotion().to_json())
        inner = content
        for step in path:
            inner = inner[step]
        inner["speed"] = 9
        with pytest.raises(EntryError, match="unknown keys: 'speed'"):
            Release.from_json(json.dumps(content))


@pytest.mark.parametrize("key", sorted(json.loads(promotion().to_json())))
def test_a_missing_key_is_refused_by_name(key: str) -> None:
    content = json.loads(promotion().to_json())
    del content[key]
    with pytest.raises(EntryError, match=f"{key!r} is missing"):
        Release.from_json(json.dumps(content))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sequence", "1"),
        ("sequence", True),
        ("kind", "demote"),
        ("who", ""),
        ("when", "yesterday"),
        ("when", "2024-05-01T12:00:00"),
        ("evidence", {"list": [1]}),
        ("evidence", []),
        ("desired", None),
        ("verdict", "fine"),
        ("schema_version", 2),
        ("sweep", {}),
    ],
)
def test_a_value_of_another_type_is_refused(key: str, value: object) -> None:
    content = json.loads(promotion().to_json()) | {key: value}
    with pytest.raises(EntryError):
        Release.from_json(json.dumps(content))


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "<html></html>", '{"a": 1, "a": 2}', '{"a": NaN}', "[" * 100_000],
)
def test_what_is_no_entry_is_refused(text: str) -> None:
    with pytest.raises(EntryError):
        Release.from_json(text)


def test_an_edited_entry_does_not_fit_its_checksum() -> None:
    with pytest.raises(EntryError, match="does not fit its checksum"):
        Release.from_json(promotion().to_json().replace('"ann"', '"eve"'))


@pytest.mark.parametrize("kind", [Kind.PROMOTE, Kind.CANARY])
@pytest.mark.parametrize("verdict", [None, BAD, replace(GOOD, digest=B)])
def test_a_promotion_needs_a_passing_verdict_on_its_bundle(
    kind: Kind, verdict: Verdict | None
) -> None:
    with pytest.raises(EntryError, match="no passing verdict"):
        promotion(kind=kind, verdict=verdict)


def test_a_verdict_cannot_pass_against_its_rules() -> None:
    with pytest.raises(EntryError, match="its rules say otherwise"):
        Verdict(A, True, BAD.rules)
    with pytest.raises(EntryError, match="its rules say otherwise"):
        Verdict(A, True, ())


@pytest.mark.parametrize(
    "changes",
    [
        {"sequence": 0},
        {"who": " "},
        {"why": ""},
        {"when": datetime(2024, 5, 1)},  # noqa: DTZ001 - that is the point
        {"when": datetime(2024, 5, 1, tzinfo=timezone(timedelta(hours=2)))},
        {"evidence": {"regret": float("nan")}},
        {"who": "\udcff"},
        {"kind": Kind.SWEEP},
    ],
)
def test_an_entry_that_cannot_be_is_never_made(changes: dict[str, object]) -> None:
    with pytest.raises(EntryError):
        promotion(**changes)


def test_a_node_follows_the_first_ring_that_fits_its_name() -> None:
    desired = Desired((Ring(("gpu-*", "x1"), {"core-allocator": B}), *ALL))
    assert [desired.digest_for(node) for node in ("gpu-7", "x1", "x2")] == [B, B, A]
    assert desired.digest_for("x2", "device-classifier") is None
    assert desired.digests == {A, B}


def test_a_desired_state_leaves_no_node_out() -> None:
    with pytest.raises(EntryError, match="every node"):
        Desired((Ring(("gpu-*",), {"core-allocator": B}),))


@pytest.mark.parametrize("digest", ["", "A" * 64, "a" * 63, "../../etc", "latest"])
def test_a_ring_names_bundles_by_digest_only(digest: str) -> None:
    with pytest.raises(EntryError):
        Ring(("*",), {"core-allocator": digest})


def test_a_sweep_is_for_its_nodes_until_its_time_is_over() -> None:
    sweep = SweepRequest(nodes=("a*",), n_windows=2, not_after=NOON + timedelta(hours=1))
    release = promotion(kind=Kind.SWEEP, verdict=None, sweep=sweep)
    assert release.sweep_for("a1", NOON) == sweep
    assert release.sweep_for("b1", NOON) is None
    assert release.sweep_for("a1", NOON + timedelta(hours=2)) is None
    assert promotion().sweep_for("a1", NOON) is None


def test_a_release_decides_nothing_from_its_expiry_on() -> None:
    release = promotion(expires_at=NOON + timedelta(days=1))
    assert not release.is_expired(NOON)
    assert release.is_expired(NOON + timedelta(days=1))
    assert not promotion().is_expired(NOON + timedelta(days=999))


def test_files_sort_in_the_order_of_entries() -> None:
    assert entry_name(1) == "000001.json"
    assert entry_name(1_234_567) == "1234567.json"
