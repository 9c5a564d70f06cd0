"""The Prometheus page of the server (text format 0.0.4)."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING

from components.inference_server.counters import BOUNDS_S

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from components.inference_server.counters import Counts
    from components.inference_server.device_follower import DeviceStatus, ProbeResult
    from components.inference_server.variant_follower import VariantStatus

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_LATENCY = "joulepilot_image_latency_seconds"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """What the server is doing now."""

    model: str
    batch_size: int
    cpuset: str
    """Linux list of the CPUs that the session in force was made for; empty while warming."""
    n_threads: int
    n_thread_switches: int
    n_waiting: int
    is_ready: bool
    device: str = "cpu"
    """In force."""
    devices: tuple[DeviceStatus, ...] = ()
    """All it was told of."""
    n_device_switches: int = 0
    variants: tuple[VariantStatus, ...] = ()
    """All versions of the network it holds."""
    refusal: str = ""
    """Why the last hint was not followed."""
    probe: ProbeResult | None = None
    """The last one that a hint asked for."""
    features: Mapping[str, float] = field(default_factory=dict)
    """Of the network, as it was told."""


def metrics_page(counts: Counts, facts: ServerFacts) -> str:
    """Write the page."""
    lines = [
        *_latency_lines(counts),
        *_counter_lines(counts, facts),
        *_gauge_lines(facts),
        *_device_lines(facts),
    ]
    return "\n".join(lines) + "\n"


def _latency_lines(counts: Counts) -> Iterator[str]:
    yield f"# HELP {_LATENCY} Request latency, waiting included, divided by the request's images."
    yield f"# TYPE {_LATENCY} histogram"
    cumulated = tuple(accumulate(counts.buckets))
    for bound, count in zip(BOUNDS_S, cumulated[:-1], strict=True):
        yield f'{_LATENCY}_bucket{{le="{bound!r}"}} {count}'
    yield f'{_LATENCY}_bucket{{le="+Inf"}} {cumulated[-1]}'
    yield f"{_LATENCY}_sum {counts.latency_sum_s!r}"
    yield f"{_LATENCY}_count {cumulated[-1]}"


def _counter_lines(counts: Counts, facts: ServerFacts) -> Iterator[str]:
    counters = (
        ("joulepilot_images_total", "Images answered.", counts.n_images),
        ("joulepilot_requests_received_total", "Requests that arrived.", counts.n_received),
        ("joulepilot_requests_refused_total", "Requests that found it busy.", counts.n_refused),
        ("joulepilot_requests_rejected_total", "Requests that do not fit.", counts.n_rejected),
        (
            "joulepilot_server_thread_switches_total",
            "Times the number of threads followed the cpuset.",
            facts.n_thread_switches,
        ),
        (
            "joulepilot_server_device_switches_total",
            "Times the device followed a hint.",
            facts.n_device_switches,
        ),
    )
    for name, meaning, value in counters:
        yield from (f"# HELP {name} {meaning}", f"# TYPE {name} counter", f"{name} {value}")


def _gauge_lines(facts: ServerFacts) -> Iterator[str]:
    gauges = (
        ("joulepilot_server_threads", "Threads that compute.", facts.n_threads),
        ("joulepilot_server_waiting_requests", "Requests that wait now.", facts.n_waiting),
        ("joulepilot_server_ready", "1 when it takes requests.", int(facts.is_ready)),
    )
    for name, meaning, value in gauges:
        yield from (f"# HELP {name} {meaning}", f"# TYPE {name} gauge", f"{name} {value}")
    name = "joulepilot_server_info"
    yield f"# HELP {name} What is served, and the CPUs it follows."
    yield f"# TYPE {name} gauge"
    labels = {
        "model": facts.model,
        "device": facts.device,
        "batch": str(facts.batch_size),
        "cpuset": facts.cpuset,
    }
    yield _series(name, labels, 1)


def _device_lines(facts: ServerFacts) -> Iterator[str]:
    name = "joulepilot_server_device"
    yield from (f"# HELP {name} Devices it was told of, and why one is absent.",)
    yield f"# TYPE {name} gauge"
    for each in facts.devices:
        labels = {"device": each.device, "status": each.status, "backend": each.backend}
        yield _series(name, labels | ({"reason": each.reason} if each.reason else {}), 1)
    if facts.variants:
        name = "joulepilot_server_variant"
        yield f"# HELP {name} Versions of the network it holds; 1 for the one that answers."
        yield f"# TYPE {name} gauge"
        for version in facts.variants:
            yield _series(name, {"variant": version.variant}, int(version.is_in_force))
    if facts.refusal:
        name = "joulepilot_server_hint_refused"
        yield f"# HELP {name} Why the last hint is not followed."
        yield f"# TYPE {name} gauge"
        yield _series(name, {"reason": facts.refusal}, 1)
    if facts.probe is not None:
        name, probe = "joulepilot_device_probe_seconds", facts.probe
        yield f"# HELP {name} One batch on a device, run because a hint asked for it."
        yield f"# TYPE {name} gauge"
        batch = str(probe.batch)
        labels = {"device": probe.device, "probe_id": probe.probe_id, "batch": batch}
        yield _series(name, labels, probe.latency_s)
    if facts.features:
        name = "joulepilot_network_feature"
        yield f"# HELP {name} What the graph of the network amounts to, for one image."
        yield f"# TYPE {name} gauge"
        for feature, value in facts.features.items():
            yield _series(name, {"name": feature}, value)


def _series(name: str, labels: Mapping[str, str], value: float) -> str:
    text = ",".join(f'{key}="{_escaped(said)}"' for key, said in labels.items())
    return f"{name}{{{text}}} {value!r}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
