"""What an executor says of itself, for Prometheus (text format 0.0.4).

Names are those of OpenTelemetry as Prometheus spells them; without a convention `joulepilot_…`.
What was not observed has no line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from components.executor.wire import Plain

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class _Gauge:
    name: str
    help: str


_POWER = _Gauge("hw_host_power_watts", "Power of the whole node, and how it is known.")
_TARGET = _Gauge("joulepilot_slo_latency_target_seconds", "Latency target, per image.")
_LATENCY = _Gauge("joulepilot_slo_latency_seconds", "The target's statistic over the last window.")
_CPUS = _Gauge("joulepilot_allocation_cpus", "CPUs in force, read back.")
_STATE = _Gauge("joulepilot_job_info", "What the executor does with a job, and why it has these.")
_POLICY = _Gauge("joulepilot_policy_info", "The policy that decides.")
_RELEASE = _Gauge("joulepilot_release", "Entry of the release log in force.")
_PAUSED = _Gauge("joulepilot_paused", "1 while nothing may be changed.")
_PROBLEMS = _Gauge("joulepilot_problems", "Things that are wrong; `status` says which.")


def metrics_page(status: Plain) -> str:
    """Lay out what `status` answers."""
    node = {"node": str(status["node"])}
    lines = [
        *_lines(_PAUSED, [(node, int(status["paused"]))]),
        *_lines(_PROBLEMS, [(node, len(status["health"]))]),
        *_lines(_RELEASE, [(node, status["release"])]),
        *_lines(_POLICY, [({**node, "digest": str(status["policy_digest"] or "none")}, 1)]),
        *_lines(
            _POWER, [({**node, "source": str(status["power_source"])}, status["node_power_w"])]
        ),
    ]
    jobs = [({**node, "job": str(job["name"])}, job) for job in status["jobs"]]
    lines += _lines(_CPUS, [(labels, job["n_cpus"]) for labels, job in jobs])
    lines += _lines(_TARGET, [(_of(labels, job), job["target_ms"] / 1000) for labels, job in jobs])
    lines += _lines(_LATENCY, [(_of(labels, job), _seconds(job)) for labels, job in jobs])
    lines += _lines(
        _STATE,
        [
            ({**labels, "state": job["state"], "arm": job["arm"], "mode": job["mode"]}, 1)
            for labels, job in jobs
        ],
    )
    return "\n".join(lines) + "\n"


def _of(labels: dict[str, str], job: Plain) -> dict[str, str]:
    return {**labels, "statistic": str(job["target_statistic"])}


def _seconds(job: Plain) -> float | None:
    return None if job["latency_ms"] is None else float(job["latency_ms"]) / 1000


def _lines(gauge: _Gauge, values: list[tuple[dict[str, str], float | None]]) -> Iterator[str]:
    known = [(labels, value) for labels, value in values if value is not None]
    if known:
        yield f"# HELP {gauge.name} {gauge.help}"
        yield f"# TYPE {gauge.name} gauge"
    for labels, value in known:
        said = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        yield f"{gauge.name}{{{said}}} {value!r}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
