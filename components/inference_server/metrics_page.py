"""The Prometheus page of the server (text format 0.0.4)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from components.inference_server.counters import BOUNDS_S

if TYPE_CHECKING:
    from collections.abc import Iterator

    from components.inference_server.counters import Counts

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


def metrics_page(counts: Counts, facts: ServerFacts) -> str:
    """Write the page."""
    lines = [
        *_latency_lines(counts),
        *_counter_lines(counts, facts),
        *_gauge_lines(facts),
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
        "device": "cpu",
        "batch": str(facts.batch_size),
        "cpuset": facts.cpuset,
    }
    text = ",".join(f'{key}="{_escaped(value)}"' for key, value in labels.items())
    yield f"{name}{{{text}}} 1"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
