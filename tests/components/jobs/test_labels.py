from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.jobs.errors import JobError
from components.jobs.job import Job, Mode
from components.jobs.labels import PREFIX, job_from_labels
from components.jobs.settings import INERT, KEYS
from components.jobs.target import Statistic, Target

ENABLED = {
    "joulepilot.enable": "true",
    "joulepilot.target-ms": "7",
    "joulepilot.metrics": "prometheus:8002/metrics",
}


def _with(**labels: str) -> dict[str, str]:
    named = {PREFIX + key.replace("_", "-"): text for key, text in labels.items()}
    return {**ENABLED, **named}


def test_three_labels_make_a_job() -> None:
    job = job_from_labels("web", {**ENABLED, "maintainer": "someone"})
    assert job == Job("web", Target(7.0), "prometheus:8002/metrics")


def test_every_label_reaches_the_job() -> None:
    labels = _with(
        target_ms="6.5",
        target_statistic="p95",
        model="resnet-18",
        batch_size="4",
        min_cpus="2",
        max_cpus="8",
        devices="cpu, dgpu:0",
        variant="int8",
        priority="-3",
        mode="recommend",
        probe_min_p="0.2",
        probe_max_misses="4",
    )
    assert job_from_labels("web", labels) == Job(
        name="web",
        target=Target(6.5, Statistic.P95),
        metrics="prometheus:8002/metrics",
        model="resnet-18",
        batch_size=4,
        min_cpus=2,
        max_cpus=8,
        mode=Mode.RECOMMEND,
        variant="int8",
        devices=("cpu", "dgpu:0"),
        priority=-3,
        probe_min_p=0.2,
        probe_max_misses=4,
    )


def test_the_example_of_every_key_is_valid() -> None:
    of_services = KEYS.keys() - {"deferrable-until", "work"}
    job = job_from_labels("web", {PREFIX + key: KEYS[key].example for key in of_services})
    assert job is not None
    assert job.inert == ()


@pytest.mark.parametrize(("key", "needed"), INERT.items())
def test_a_key_that_does_nothing_without_another_one_is_told(key: str, needed: str) -> None:
    said = ENABLED | {PREFIX + key: KEYS[key].example}

    assert job_from_labels("web", said).inert == (key,)
    assert job_from_labels("web", said | {PREFIX + needed: KEYS[needed].example}).inert in {
        (),
        (needed,),
    }


@pytest.mark.parametrize(
    ("text", "found"),
    [("int8", "NAME:QUALITY"), ("a:0.7,a:0.8", "twice"), ("a:good", "number"), (":0.7", "NAME")],
)
def test_versions_that_cannot_be_read_are_told(text: str, found: str) -> None:
    with pytest.raises(JobError, match=found):
        job_from_labels("web", ENABLED | {"joulepilot.variants": text})


@pytest.mark.parametrize("labels", [{}, {"joulepilot.enable": "false"}, {"enable": "true"}])
def test_a_container_that_did_not_opt_in_is_no_job(labels: dict[str, str]) -> None:
    assert job_from_labels("web", {"joulepilot.target-ms": "7", **labels}) is None


@pytest.mark.parametrize("key", ["enabled", "Enable", "enbale"])
def test_opting_in_with_a_slip_of_the_pen_is_told(key: str) -> None:
    with pytest.raises(JobError, match="did you mean 'enable'"):
        job_from_labels("web", {f"joulepilot.{key}": "true", "joulepilot.target-ms": "7"})


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("target", "target-ms"),
        ("taget-ms", "target-ms"),
        ("batchsize", "batch-size"),
        ("MODE", "mode"),
        ("max_cpus", "max-cpus"),
    ],
)
def test_an_unknown_key_names_the_nearest_one_and_the_container(key: str, meant: str) -> None:
    with pytest.raises(JobError, match=f"did you mean '{meant}'") as raised:
        job_from_labels("web", {**ENABLED, f"joulepilot.{key}": "7"})
    assert f"label joulepilot.{key} of container web" in raised.value.asked


@given(st.text(min_size=1).filter(lambda key: key not in KEYS))
def test_no_unknown_key_passes(key: str) -> None:
    with pytest.raises(JobError):
        job_from_labels("web", {**ENABLED, PREFIX + key: "7"})


@pytest.mark.parametrize(
    ("key", "text", "found"),
    [
        ("enable", "yes", "neither true nor false"),
        ("target-ms", "0", "not above 0"),
        ("target-ms", "-7", "not above 0"),
        ("target-ms", "nan", "not finite"),
        ("target-ms", "inf", "not finite"),
        ("target-ms", "7ms", "no number"),
        ("target-ms", "", "no number"),
        ("target-statistic", "p95th", "the nearest is 'p95'"),
        ("metrics", "prometheus:8002 metrics", "prometheus:PORT/PATH"),
        ("metrics", "http://localhost:8002", "prometheus:PORT/PATH"),
        ("metrics", "prometheus:70000/metrics", "no port"),
        ("batch-size", "0", "below 1"),
        ("batch-size", "1_0", "no whole number"),
        ("min-cpus", "1.5", "no whole number"),
        ("max-cpus", "all", "no whole number"),
        ("devices", "cpu,gpu", "the nearest is"),
        ("devices", "cpu,cpu", "twice"),
        ("hint-dir", "run/hints", "not an absolute path"),
        ("variant", "", "empty"),
        ("min-quality", "high", "no number"),
        ("priority", "first", "no whole number"),
        ("probe-min-p", "1.5", "not from 0 to 1"),
        ("probe-max-misses", "-1", "below 0"),
        ("deferrable-until", "tomorrow", "ISO 8601"),
        ("deferrable-until", "2027-01-31T06:00:00", "no time zone"),
        ("work", "0", "not above 0"),
        ("mode", "automatic", "the nearest is 'auto'"),
    ],
)
def test_a_bad_value_is_named_with_what_is_wrong_and_how_to_write_it(
    key: str, text: str, found: str
) -> None:
    with pytest.raises(JobError) as raised:
        job_from_labels("web", {**ENABLED, PREFIX + key: text})
    assert f"{key} = {text!r}" in raised.value.asked
    assert found in raised.value.found
    assert KEYS[key].example in raised.value.remedy


def test_more_least_than_most_cpus_are_refused() -> None:
    with pytest.raises(JobError, match="min-cpus"):
        job_from_labels("web", _with(min_cpus="4", max_cpus="2"))


@pytest.mark.parametrize("key", ["target-ms", "metrics"])
def test_what_a_job_cannot_do_without_is_asked_for(key: str) -> None:
    labels = {k: v for k, v in ENABLED.items() if k != PREFIX + key}
    with pytest.raises(JobError, match=f"nothing says its {key}; add joulepilot.{key}="):
        job_from_labels("web", labels)
