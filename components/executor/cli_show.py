"""What `joulepilot-node` shows to people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.executor.device_tuning import tuning_lines

if TYPE_CHECKING:
    from components.executor.wire import Plain


def show(verb: str, result: Plain) -> str:
    """Lay out what came of a verb."""
    match verb:
        case "status":
            return _status(result)
        case "explain":
            return str(result["text"])
        case "sweep":
            why = f": {result['reason']}" if result["reason"] else ""
            return f"sweep {result['state']}, {result['done']} of {result['total']} points{why}"
        case "manage":
            return _manage(result)
        case "tuning":
            return tuning_lines(result)
        case "hold":
            held = "held on" if result["held"] else "free to be moved, now on"
            return f"{result['job']} is {held} CPUs {result['cpuset']}"
        case "metrics":
            return str(result["page"]).rstrip("\n")
        case "health":
            lines = [f"WRONG: {line}" for line in result["problems"]]
            return "\n".join(lines or [f"{result['node']}: nothing is wrong"])
        case "pause" | "resume":
            return "paused" if result["paused"] else "not paused"
        case "rollback":
            return f"policy {result['policy_digest'][:12]} decides again"
        case "restore":
            return _restore(result)
    return str(result)


def _status(beat: Plain) -> str:
    release = "none" if beat["release"] is None else beat["release"]
    policy = (beat["policy_digest"] or "none")[:12]
    power = beat["node_power_w"]
    watts = "power unknown" if power is None else f"{power:.1f} W ({beat['power_source']})"
    lines = [
        f"{beat['node']} ({beat['node_class']}, {beat['origin']}): release {release}, "
        f"policy {policy}, mode {beat['mode']}{', PAUSED' if beat['paused'] else ''}, {watts}"
    ]
    lines += [f"blocked here: bundle {digest[:12]}" for digest in beat["blocked_digests"]]
    for job in beat["jobs"]:
        seen = "-" if job["latency_ms"] is None else f"{job['latency_ms']:.3g} ms"
        lines.append(
            f"  {job['name']:<20} {job['state']:<11} {seen:>9} of {job['target_ms']:g} ms "
            f"{job['target_statistic']}  CPUs {job['cpuset']} ({job['arm']})  {job['reason'] or ''}"
        )
        if job["device_reason"] is not None:
            lines.append(f"  {'':<20} on {job['device']}: {job['device_reason']}")
    lines += [
        f"  {work['name']:<20} {work['state']:<11} {work['done_cpu_s']:.0f} of "
        f"{work['work_cpu_s']:.0f} CPU seconds, until {work['until']}  CPUs "
        f"{work['cpuset'] or 'none'}  {work['reason']}"
        for work in beat["deferred"]
    ]
    sweep = beat["sweep"]
    if sweep is not None:
        lines.append(f"sweep {sweep['state']}, {sweep['done']} of {sweep['total']} points")
    experiment = beat["experiment"]
    if experiment is not None:
        of = f" of {experiment['digest'][:12]}" if experiment["digest"] else ""
        lines.append(f"{experiment['kind']}{of} {experiment['state']}: {experiment['reason']}")
    lines += [f"WRONG: {line}" for line in beat["health"]]
    return "\n".join(lines)


def _manage(result: Plain) -> str:
    said = ", ".join(f"{key} {value}" for key, value in result["values"].items())
    what = f"{result['job']}: {said or 'live override forgotten'}"
    now = "managed" if result["managed"] else "not managed"
    return "\n".join([f"{what}; {now}", *result["health"]])


def _restore(result: Plain) -> str:
    lines = [
        f"{one['name']}: {one['outcome']}"
        + (f", CPUs {one['cpuset']}" if one["cpuset"] else "")
        + (f" ({one['reason']})" if one["reason"] else "")
        for one in result["containers"]
    ]
    lines.append("all originals are back" if result["complete"] else "NOT all originals are back")
    if result["paused"]:
        lines.append("the executor is paused: `joulepilot-node resume` lets it act again")
    return "\n".join(lines)
