"""The status page: nodes and their jobs, one self-contained HTML text without any script."""

from __future__ import annotations

from html import escape
from importlib import resources
from typing import TYPE_CHECKING

from components.hub.drawing import drawing
from components.telemetry.sample import Origin

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from components.hub.nodes import NodeState
    from components.telemetry.heartbeat import Heartbeat, JobStatus

REFRESH_S = 5
SILENT_AFTER_S = 10.0
"""Five heartbeats missed."""

_NOTHING = '<span class="soft">not observed</span>'
_COLUMNS = (
    ("Job", ""),
    ("Latency / target [ms/image]", "n"),
    ("CPUs", "n"),
    ("Which", ""),
    ("Layout", ""),
    ("Arm", ""),
    ("Mode", ""),
    ("State", ""),
)


_WIDTHS = "".join(f'<col style="width:{share}%">' for share in (14, 19, 6, 16, 10, 8, 10, 17))


def status_page(nodes: Sequence[NodeState], latest_release: int | None, now: datetime) -> str:
    """Write the page as it is now; it asks for itself again every few seconds."""
    cards = "\n".join(_node(state, latest_release, now) for state in nodes)
    empty = "<p>No node has been heard of yet. A heartbeat comes every two seconds.</p>"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="{REFRESH_S}">
<title>joulepilot: nodes and jobs</title>
<style>
{resources.files("components.hub").joinpath("page.css").read_text()}</style>
</head>
<body>
<header><h1>joulepilot</h1><p>as of {now:%Y-%m-%d %H:%M:%S} UTC</p></header>
{_totals(nodes, latest_release, now)}
<main>
{cards or empty}
</main>
</body>
</html>
"""


def _totals(nodes: Sequence[NodeState], latest_release: int | None, now: datetime) -> str:
    heard = [state.heartbeat for state in nodes if not _is_silent(state, now)]
    jobs = [job for heartbeat in heard for job in heartbeat.jobs]
    n_missing = sum(_meets(job) is False for job in jobs)
    facts = {
        "nodes heard": f"{len(heard)} of {len(nodes)}",
        "jobs": str(len(jobs)),
        "targets missed": _marked(str(n_missing), "bad" if n_missing else "good"),
        **_powers(heard),
        "newest release": "none" if latest_release is None else str(latest_release),
    }
    items = (f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts.items())
    return f'<dl class="totals">{"".join(items)}</dl>'


def _powers(heartbeats: Sequence[Heartbeat]) -> dict[str, str]:
    """Totals of watts; those of made-up nodes are never added to real ones."""
    by_origin = {
        name: [h for h in heartbeats if h.origin is origin]
        for name, origin in (("power", Origin.RECORDED), ("simulated power", Origin.SIMULATED))
    }
    return {name: _total_power(group) for name, group in by_origin.items() if group}


def _total_power(heartbeats: Sequence[Heartbeat]) -> str:
    known = [h for h in heartbeats if h.node_power_w is not None]
    sources = sorted({h.power_source or "source unknown" for h in known})
    total_w = sum(h.node_power_w or 0.0 for h in known)
    of_all = "" if len(known) == len(heartbeats) else f" of {len(known)} nodes"
    if not known:
        return _NOTHING
    return f"{total_w:.0f} W{of_all} <small>{escape(', '.join(sources))}</small>"


def _node(state: NodeState, latest_release: int | None, now: datetime) -> str:
    heartbeat = state.heartbeat
    silent = _is_silent(state, now)
    age = f"{_span(state.age_s(now))} ago"
    heard = _marked(f"silent, last heard {age}", "bad") if silent else f"heard {age}"
    facts = (
        f"release <b>{_release(heartbeat, latest_release)}</b>",
        f"policy <b>{_digest(heartbeat.policy_digest)}</b>",
        f"power <b>{_power(heartbeat)}</b>",
        f"class <b>{escape(heartbeat.node_class)}</b>",
    )
    chips = [heartbeat.mode, heartbeat.origin.value, *(["paused"] if heartbeat.paused else [])]
    return f"""<section class="node{" silent" if silent else ""}">
<div><h2>{escape(heartbeat.node)}</h2>{"".join(map(_chip, chips))}<span>{heard}</span></div>
<p class="facts">{"".join(f"<span>{fact}</span>" for fact in facts)}</p>
{_troubles(heartbeat)}{_sweep(heartbeat)}{_experiment(heartbeat)}{drawing(heartbeat)}
{_jobs(heartbeat.jobs)}
</section>"""


def _jobs(jobs: Sequence[JobStatus]) -> str:
    if not jobs:
        return '<p class="soft">No job is managed here.</p>'
    head = "".join(f'<th class="{kind}">{title}</th>' for title, kind in _COLUMNS)
    rows = "\n".join(f"<tr>{_cells(job)}</tr>" for job in jobs)
    return (
        f"<table>\n{_WIDTHS}\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>"
    )


def _cells(job: JobStatus) -> str:
    why = f"<small>{escape(job.reason)}</small>" if job.reason else ""
    wanted = f"<small>would get {escape(job.wanted)}</small>" if job.wanted else ""
    cells = (
        f"<b>{escape(job.name)}</b>",
        _latency(job),
        str(job.n_cpus),
        f"<code>{escape(job.cpuset)}</code>{_device(job)}{wanted}",
        escape(job.layout) if job.layout else '<span class="soft">none of ours</span>',
        escape(job.arm),
        escape(job.mode),
        f"{escape(job.state)}{why}",
    )
    pairs = zip(cells, _COLUMNS, strict=True)
    return "".join(f'<td class="{kind}">{cell}</td>' for cell, (_, kind) in pairs)


def _device(job: JobStatus) -> str:
    if job.device is None:
        return ""
    why = f": {escape(job.device_reason)}" if job.device_reason else ""
    return f"<small>device {escape(job.device)}{why}</small>"


def _latency(job: JobStatus) -> str:
    target = f"{job.target_ms:g} {escape(job.target_statistic)}"
    if job.latency_ms is None:
        return f"{_NOTHING} / {target}"
    word, kind = ("✓", "good") if _meets(job) else ("✗ missed", "bad")
    return f"{_marked(f'{job.latency_ms:.2f}', kind)} / {target} {_marked(word, kind)}"


def _meets(job: JobStatus) -> bool | None:
    return None if job.latency_ms is None else job.latency_ms <= job.target_ms


def _power(heartbeat: Heartbeat) -> str:
    if heartbeat.node_power_w is None:
        return _NOTHING
    return f"{heartbeat.node_power_w:.1f} W, {escape(heartbeat.power_source or 'source unknown')}"


def _release(heartbeat: Heartbeat, latest: int | None) -> str:
    if heartbeat.release is None:
        return "none yet"
    behind = latest is not None and heartbeat.release < latest
    return _marked(f"{heartbeat.release} of {latest}", "warn") if behind else str(heartbeat.release)


def _digest(digest: str | None) -> str:
    if digest is None:
        return "none"
    return f'<code title="{escape(digest)}">{escape(digest[:12])}</code>'


def _troubles(heartbeat: Heartbeat) -> str:
    blocked = (f"has blocked policy {digest[:12]}" for digest in heartbeat.blocked_digests)
    lines = "".join(f"<li>{escape(line)}</li>" for line in (*heartbeat.health, *blocked))
    return f'<ul class="troubles">{lines}</ul>\n' if lines else ""


def _sweep(heartbeat: Heartbeat) -> str:
    sweep = heartbeat.sweep
    if sweep is None:
        return ""
    why = f": {escape(sweep.reason)}" if sweep.reason else ""
    return (
        f'<p class="warn">Sweep of release {sweep.sequence}: {escape(sweep.state)}, '
        f"{sweep.done} of {sweep.total} points{why}</p>\n"
    )


def _experiment(heartbeat: Heartbeat) -> str:
    """How a canary stands, or how much was held back."""
    experiment = heartbeat.experiment
    if experiment is None:
        return ""
    what = "Holdback"
    if experiment.kind == "canary":
        what = f"Canary of {_digest(experiment.digest)}: {escape(experiment.state)}"
    kind = {"regressed": "bad", "won": "good"}.get(experiment.state, "soft")
    return f'<p class="{kind}">{what}; {escape(experiment.reason)}</p>\n'


def _is_silent(state: NodeState, now: datetime) -> bool:
    return state.age_s(now) > SILENT_AFTER_S


def _span(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.1f} s" if seconds < SILENT_AFTER_S else f"{seconds:.0f} s"


def _chip(word: str) -> str:
    return f'<span class="chip">{escape(word)}</span>'


def _marked(text: str, kind: str) -> str:
    return f'<span class="{kind}">{escape(text)}</span>'
