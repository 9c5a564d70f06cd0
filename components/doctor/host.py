"""The machine: cgroups, frequency, SMT, clock, and programs that also set CPUs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.doctor.finding import Finding, advice, ok, problem
from components.errors import JoulepilotError
from components.node.cpuset import format_cpu_list, parse_cpu_list
from components.node.frequency import Knob, frequency_folders, read_knob
from components.node.topology import read_online

if TYPE_CHECKING:
    from collections.abc import Iterator

    from components.doctor.roots import Roots

_EFFECTIVE = ("cpuset.cpus.effective", "cpuset/cpuset.effective_cpus")
_PARENTS = ("docker", "system.slice", "machine.slice")
_TIMEKEEPERS = ("chronyd", "ntpd", "systemd-timesyn", "ntpd-rs", "openntpd")
"""As `comm` shows them, cut at 15 characters."""

WRITERS = {
    "kubelet": "let either the kubelet's CPU manager or joulepilot place containers of this node",
    "tuned": "see that its profile isolates no CPUs and starts no scheduler plugin",
    "koordlet": "leave cpuset to one of the two",
    "katalyst-agent": "leave cpuset to one of the two",
    "irqbalance": "",
}


def check_host(roots: Roots) -> Iterator[Finding]:
    """Look at the machine."""
    yield _cgroups(roots)
    yield from _parents(roots)
    yield _governor(roots)
    yield _frequency(roots)
    yield _smt(roots)
    yield _clock(roots)
    yield from _writers(roots)


def _cgroups(roots: Roots) -> Finding:
    if (roots.cgroup / "cgroup.controllers").is_file():
        controllers = (roots.text(roots.cgroup / "cgroup.controllers") or "").split()
        if "cpuset" not in controllers:
            return problem(
                "cgroups",
                f"version 2 without the controller cpuset ({' '.join(controllers) or 'none'})",
                "boot with the cpuset controller, or see `cat /proc/cgroups`",
            )
        return ok("cgroups", "version 2 with cpuset")
    if (roots.cgroup / "cpuset").is_dir():
        return ok("cgroups", "version 1 with cpuset")
    return problem(
        "cgroups",
        f"no cpuset hierarchy under {roots.cgroup}",
        "run on the host itself, with its cgroups mounted",
    )


def _parents(roots: Roots) -> Iterator[Finding]:
    """Cgroups above containers that leave them fewer CPUs than are online."""
    try:
        online = read_online(roots.sysfs)
    except JoulepilotError as error:
        yield problem("CPUs", error.found, error.remedy)
        return
    yield ok("CPUs", f"online {format_cpu_list(online)}")
    for parent in _PARENTS:
        for file in _EFFECTIVE:
            hierarchy, _, name = file.rpartition("/")
            text = roots.text(roots.cgroup / hierarchy / parent / name)
            cpus = parse_cpu_list(text) if text else None
            if cpus and cpus < online:
                yield advice(
                    f"cgroup {parent}",
                    f"it may use CPUs {format_cpu_list(cpus)} of {format_cpu_list(online)}",
                    "containers below get no more; see AllowedCPUs= of the slice "
                    f"(systemctl show -p AllowedCPUs {parent}) or who narrowed it",
                )


def _governor(roots: Roots) -> Finding:
    files = roots.sysfs.glob("devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor")
    governors = sorted({roots.text(file) or "?" for file in files})
    if not governors:
        return ok("governor", "the kernel scales no frequency here (as in virtual machines)")
    if len(governors) > 1:
        return advice(
            "governor",
            f"CPUs differ: {', '.join(governors)}",
            "set one for all: what was learned on one CPU does not hold on another",
        )
    if governors == ["powersave"] and _driver(roots) not in {"intel_pstate", "amd-pstate-epp"}:
        return advice(
            "governor",
            "powersave holds every CPU at its lowest frequency",
            "set schedutil or performance, or latency targets cost more CPUs",
        )
    return ok("governor", governors[0])


def _frequency(roots: Roots) -> Finding:
    """What `[frequency]` of the administrator file could set, and what is in force."""
    folders = frequency_folders(roots.sysfs)
    if not folders:
        return ok("frequency", "none to set")
    found = {knob: {read_knob(folder, knob) for folder in folders} for knob in Knob}
    told = [
        f"{knob} {'/'.join(sorted(v for v in values if v))}"
        for knob, values in found.items()
        if values != {None}
    ]
    return ok("frequency", ", ".join(told))


def _driver(roots: Roots) -> str:
    return roots.text(roots.sysfs / "devices/system/cpu/cpu0/cpufreq/scaling_driver") or ""


def _smt(roots: Roots) -> Finding:
    state = roots.text(roots.sysfs / "devices/system/cpu/smt/control") or "unknown"
    return ok("SMT", state)


def _clock(roots: Roots) -> Finding:
    if (roots.run / "systemd/timesync/synchronized").exists():
        return ok("clock", "kept by systemd-timesyncd")
    running = [name for name in _TIMEKEEPERS if name in roots.programs()]
    if running:
        return ok("clock", f"kept by {running[0]}")
    return advice(
        "clock",
        "nobody keeps it: neither chrony, ntpd nor systemd-timesyncd runs",
        "install chrony: times of samples and expiry of releases go by this clock "
        "(in a virtual machine or container the host may keep it)",
    )


def _writers(roots: Roots) -> Iterator[Finding]:
    programs = roots.programs()
    found = [name for name in WRITERS if name in programs and WRITERS[name]]
    for name in found:
        yield problem("other writers", f"{name} runs (process {programs[name]})", WRITERS[name])
    if not found:
        yield ok("other writers", "none that is known to set CPUs")
