"""`joulepilot device choose`: every decision about one network and batch, item by item."""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from components.policy.device_policies import DevicePolicy
from flows.cli.bundle_choice import bundle_folder
from flows.cli.printing import print_table, show_progress
from flows.errors import ChoiceError
from flows.releasing import device_champion_folder
from models.device_classifier.choose import advise
from models.device_classifier.choose_host import host_of_bundle, made_up_host
from models.device_classifier.choose_question import Question
from models.device_classifier.network_features import network_features, read_network

if TYPE_CHECKING:
    import argparse

    from components.settings.settings import Resolved, Settings
    from models.device_classifier.choose import Advice
    from models.device_classifier.choose_question import HostKnown
    from models.device_classifier.network_features import NetworkFeatures

MADE_UP = "made-up"
WARM = 1.0
KEPT = "made-up-hosts"
COLUMNS = ("device", "one batch", "", "energy", "sustained", "P latency", "P energy", "P rate")


def run(arguments: argparse.Namespace, resolved: Resolved) -> int:
    """Choose, and say why; 0 when the choice is sure, 2 when something is to be measured first."""
    features = network_features(read_network(Path(arguments.model)))
    if arguments.features_out is not None:
        text = json.dumps(features.columns(), indent=1) + "\n"
        Path(arguments.features_out).write_text(text, encoding="utf-8")
    host = _host(arguments, resolved.settings)
    question = Question(
        host=host,
        network=Path(arguments.model).stem,
        features=features.columns(),
        peak_mb=features.peak_mb,
        batch=arguments.batch,
        policy=DevicePolicy(arguments.policy),
        clock_share=_clock(arguments.state, host),
        target_ms=arguments.target_ms,
        n_cpus=arguments.cpus or len(os.sched_getaffinity(0)),
    )
    advice = advise(question)
    if arguments.json:
        print(json.dumps(_as_json(question, advice, features)))
    else:
        _print(question, advice, features, explain=arguments.explain)
    return 0 if advice.choice.is_sure else 2


def _host(arguments: argparse.Namespace, settings: Settings) -> HostKnown:
    """The host that is asked for; else that of the released classifier, else the made-up one."""
    if arguments.bundle is not None:
        return host_of_bundle(bundle_folder(arguments.bundle, settings.home))
    released = device_champion_folder(settings.home) if arguments.host is None else None
    if released is not None:
        return host_of_bundle(released)
    name, _, seed = (arguments.host or MADE_UP).partition(":")
    if name != MADE_UP or not (seed or "0").isdigit():
        raise ChoiceError(
            f"asked for the host {arguments.host!r}",
            "hosts are known by a bundle that was learned on them; one is made up",
            "say --host made-up, made-up:SEED, or --bundle FOLDER_OR_DIGEST",
        )
    with show_progress() as tell:
        return made_up_host(settings.home / KEPT, int(seed or 0), tell)


def _clock(state: str, host: HostKnown) -> float:
    """The clock share that a word or a number says."""
    if state == "warm":
        return WARM
    if state == "idle":
        return min((room.idle_share for room in host.rooms.values()), default=0.1)
    try:
        share = float(state)
    except ValueError:
        share = math.nan
    if not 0.0 < share <= 1.0:
        raise ChoiceError(
            f"asked for the state {state!r}",
            "a state is how high the clock of the GPU is",
            "say idle, warm, or a share of its maximum above 0 and up to 1",
        )
    return share


def _print(question: Question, advice: Advice, features: NetworkFeatures, *, explain: bool) -> None:
    target = "" if question.target_ms is None else f", target {question.target_ms:g} ms a batch"
    print(
        f"{question.network}, batch {question.batch}, clock at {question.clock_share:.0%}, policy "
        f"{question.policy}{target}, on {question.host.name}"
    )
    if explain:
        print(
            f"  its graph: {features.layers} layers, {features.gmac:.3g} GMAC, "
            f"{features.parameters_mb:.3g} MB of weights, {features.launches} kernels"
        )
        for line in features.warnings:
            print(f"  warning: {line}")
        print_table(COLUMNS, _rows(advice))
        print()
    for answer in advice.answers if explain else advice.answers[:1]:
        print(f"{answer.question} {answer.answer}")
        if explain:
            print(f"    {answer.why}")
    if advice.measure_first is not None:
        print(f"Measure first: {advice.measure_first}")


def _rows(advice: Advice) -> list[tuple[str, ...]]:
    return [
        (
            each.device,
            f"{each.latency_ms:.4g} ms",
            f"± {100 * each.latency_log_sigma:.0f} %",
            f"{each.energy_j:.4g} J",
            f"{each.throughput_per_s:.4g}/s",
            *(f"{each.p[name]:.2f}" for name in ("latency", "energy", "throughput")),
        )
        for each in advice.expected.devices
    ]


def _as_json(question: Question, advice: Advice, features: NetworkFeatures) -> dict[str, object]:
    """Keys are those of the dictionary; `devices` and `choice` as in `device_policies`."""
    return {
        "host": question.host.name,
        "network": question.network,
        "batch": question.batch,
        "clock_share": question.clock_share,
        "policy": str(question.policy),
        "target_ms": question.target_ms,
        "features": features.columns(),
        "warnings": list(features.warnings),
        "devices": [asdict(each) for each in advice.expected.devices],
        "strange": list(advice.expected.strange),
        "choice": asdict(advice.choice),
        "answers": [asdict(answer) for answer in advice.answers],
        "measure_first": advice.measure_first,
    }
