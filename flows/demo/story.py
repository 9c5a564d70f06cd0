"""What the demo shows, part by part; each part ends with what was seen, or the demo fails."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from components.lake.lake import Lake
from components.policy.bundle import check_bundle
from components.registry.mlflow_registry import Registry
from components.releases.operations import history
from flows.demo.damage import send_damaged_samples
from flows.demo.devices import DeviceStory
from flows.demo.jobs import DEMO_LABEL, demo_jobs
from flows.demo.load import Load
from flows.demo.madeup_node import show_four_targets
from flows.demo.nodes import DEVICES, HERE, REFERENCE, WINDOW_S, DemoNodes
from flows.demo.outcome import Outcomes
from flows.demo.pipeline_run import run_pipeline
from flows.demo.stage import PORTS
from flows.errors import DemoError
from flows.releasing import champion_folder
from flows.stack import addresses, schedules, servers
from flows.triggers.cause import Cause, ask

if TYPE_CHECKING:
    from datetime import timedelta

    from components.settings.settings import Settings
    from components.telemetry.heartbeat import JobStatus
    from flows.demo.jobs import DemoJob
    from flows.demo.narrator import Narrator
    from flows.demo.workplace import Workplace
    from flows.services import Services

SWEEP_WINDOWS = 2
SWEEP_POINTS = 48
PATIENCE_S = 90.0
RESTING = ("settled", "infeasible")


class Story:
    """The loop, from jobs under load to their original cpusets."""

    def __init__(
        self, settings: Settings, services: Services, place: Workplace, narrator: Narrator
    ) -> None:
        self._settings = settings
        self._services = services
        self._place = place
        self._say = narrator
        self._nodes = DemoNodes(settings)
        self._jobs = demo_jobs(settings.home / "networks")
        self._loads: dict[str, Load] = {}
        self._original: dict[str, str] = {}
        self._outcomes = Outcomes(self._nodes)
        self._fired_at = datetime.now(UTC)
        self._times: list[tuple[str, str]] = []

    def tell(self) -> None:
        """All parts in order."""
        for part in (
            self._start,
            self._only_recommend,
            self._learn,
            self._follow,
            self._change_load,
            self._show_four_targets,
            self._by_hand,
            DeviceStory(self._settings, self._services, self._nodes, self._say).tell,
            self._stop,
            self._sum_up,
        ):
            part()
            self._services.require_alive()

    def _start(self) -> None:
        self._say.heading("a", "two inference jobs under load, and the servers, side by side")
        stack = servers(self._settings)
        for service in stack:
            self._services.start(service)
        for job in self._jobs:
            url = self._place.start(job)
            self._loads[job.name] = Load(self._services, self._settings.home / "load", job, url)
            self._original[job.name] = self._place.cpus(job)
            self._say.fact(
                f"{job.name}: {job.rate_per_s:g} requests/s, target mean ≤ {job.target_ms:g} ms, "
                f"CPUs [{self._original[job.name]}] by the kernel"
            )
        for service in stack:
            self._services.wait_until_ready(service)
        own = Cause("demo", "the demo has a run of its own")  # so that others wait an hour
        ask(self._settings.home, [own], datetime.now(UTC), lambda _: None)
        self._services.start(schedules(self._settings))
        registry = str(self._settings.home / "processes")
        here = ("--processes", registry, "--only-label", f"{DEMO_LABEL}=true")
        nodes = [
            self._nodes.service(HERE, self._place.kind, *here),
            self._nodes.service(REFERENCE, "madeup:reference", "--pace", "100"),
        ]
        self._services.start_all(nodes)
        self._services.wait_until_ready(schedules(self._settings))
        for name, address in addresses(self._settings).items():
            self._say.fact(f"{name}: {address}")

    def _only_recommend(self) -> None:
        self._say.heading("d", "in `recommend` nothing moves")
        for job in self._jobs:
            status = self._nodes.wait_for_job(
                HERE,
                job.name,
                lambda s: s.latency_ms is not None and s.wanted is not None,
                what="a first window and a recommendation",
                within_s=PATIENCE_S,
            )
            now = self._place.cpus(job)
            self._say.fact(
                f"{job.name}: {status.latency_ms:.1f} ms; would get: {status.wanted}; "
                f"CPUs still [{now}]"
            )
            self._require(now == self._original[job.name], f"{job.name} was moved to [{now}]")
            self._outcomes.before(job.name, status, self._nodes.state(HERE))

    def _learn(self) -> None:
        self._say.heading("b", "a schedule fires: sweep, ingest, check, retrain, gate, promote")
        faults = send_damaged_samples(self._settings.hub_url, self._settings.home / "damaged")
        self._say.fact(f"sent on purpose, {len(faults)} damaged rows: {'; '.join(faults)}")
        run = run_pipeline(
            [HERE, REFERENCE], SWEEP_WINDOWS, SWEEP_POINTS, self._say.fact, within_s=300
        )
        self._say.fact(f"run {run.name} ended as: {run.state_name}")
        self._fired_at = run.expected_start_time or self._fired_at
        counts = Lake(self._settings.home / "lake").quarantine_counts()
        self._say.fact(
            f"quarantine: {counts.n_rows} rows; "
            + ", ".join(f"{reason} ({n})" for reason, n in counts.by_reason.items())
        )
        self._require(counts.n_rows >= len(faults), "damaged rows are not in quarantine")
        for version in Registry(self._settings.mlflow_url).versions():
            learned = (
                "made-up nodes only"
                if version.lake_version is None
                else (f"samples v{version.lake_version} of this demo")
            )
            self._say.fact(
                f"version {version.version} ({version.digest[:12]}"
                f"{''.join(f', {alias}' for alias in version.aliases)}) learned from {learned}"
            )
        last = history(self._settings.home)[-1]
        self._say.fact(f"release {last.sequence}: {last.kind}, {last.what}")
        self._require(run.state_name == "Promoted", "the gate did not let the new version pass")
        learned_from = check_bundle(champion_folder(self._settings.home)).lake_version
        self._require(learned_from is not None, "the champion names no lake version")
        nodes = set(Lake(self._settings.home / "lake").samples(learned_from)["node"])
        self._require(
            {HERE, REFERENCE} <= nodes, f"samples v{learned_from} are of {sorted(nodes)} only"
        )

    def _follow(self) -> None:
        self._say.heading("c", "joulepilot-node follows the release and changes real cpusets")
        sequence = history(self._settings.home)[-1].sequence
        for node in (HERE, REFERENCE):
            self._nodes.wait_for_release(node, sequence, within_s=30)
        took = datetime.now(UTC) - self._fired_at
        self._times.append(("schedule fires to release on both nodes", _seconds(took)))
        self._say.fact(f"both nodes follow release {sequence}; the jobs go from recommend to auto")
        for job in self._jobs:
            now = self._place.cpus(job)
            self._require(now == self._original[job.name], f"the sweep left {job.name} on [{now}]")
            self._nodes.command(HERE, "manage", job.name, "--mode", "auto")
        for job in self._jobs:
            status = self._settled(job)
            self._show(job, status)
            self._outcomes.after(job.name, status, self._nodes.state(HERE))

    def _change_load(self) -> None:
        job = self._jobs[0]
        self._say.heading("d", f"the load on {job.name} goes to {job.busy_rate_per_s:g} requests/s")
        self._loads[job.name].set_rate(job.busy_rate_per_s)
        status = self._nodes.wait_for_job(
            HERE,
            job.name,
            lambda s: s.state not in RESTING,
            what="a reaction to the load",
            within_s=PATIENCE_S,
        )
        self._say.fact(f"it reacts: {status.state}: {status.reason}")
        self._show(job, self._settled(job))

    def _show_four_targets(self) -> None:
        show_four_targets(self._nodes, self._say)

    def _by_hand(self) -> None:
        self._say.heading("e", "a rollback by one command, and a promotion by another")
        learned = champion_folder(self._settings.home).name
        self._times.append(("rollback to both nodes", self._type("rollback")))
        self._times.append(("promote to both nodes", self._type("promote", learned)))

    def _type(self, *words: str) -> str:
        """Type a command; how long it took from Enter to the word of both nodes."""
        ports = [f"--{n.replace('_', '-')}={getattr(self._settings, n)}" for n in PORTS]
        where = ("--home", str(self._settings.home), *ports)
        flags = (*where, "--yes", "--no-wait", "--why", "the demo shows it")
        start = datetime.now(UTC)
        result = subprocess.run(
            [sys.executable, "-m", "flows.cli.main", *words, *flags],
            capture_output=True,
            text=True,
            check=False,
        )
        self._require(result.returncode == 0, result.stderr)
        self._say.fact(f"joulepilot {words[0]}: {result.stdout.splitlines()[-1]}")
        sequence = history(self._settings.home)[-1].sequence
        for node in (HERE, REFERENCE):
            self._nodes.wait_for_release(node, sequence, within_s=30)
        took = _seconds(datetime.now(UTC) - start)
        self._say.fact(f"2 of 2 nodes run release {sequence}, {took} after Enter")
        return took

    def _stop(self) -> None:
        self._say.heading("f", "stop: every job has its original CPUs again")
        for node in (HERE, REFERENCE, DEVICES):
            code = self._services.stop(f"node-{node}")
            self._require(code == 0, f"node {node} ended with exit code {code}")
        for job in self._jobs:
            now = self._place.cpus(job)
            self._say.fact(f"{job.name}: [{now}], was [{self._original[job.name]}]")
            self._require(now == self._original[job.name], f"{job.name} kept [{now}]")

    def _sum_up(self) -> None:
        self._say.heading("h", "what came of it")
        self._say.table(*self._outcomes.table(self._jobs))
        self._say.table(("from, to", "took here"), self._times)
        self._say.fact(
            "The real jobs show the mechanics (few noisy cores, modelled power); "
            "the made-up node shows the quality."
        )
        self._say.fact(f"check report: {self._settings.home / 'reports' / 'check.html'}")
        for name, address in addresses(self._settings).items():
            self._say.fact(f"{name}: {address}")

    def _settled(self, job: DemoJob) -> JobStatus:
        """Wait for the end of a search, and tell every cpuset the kernel showed meanwhile."""
        seen: list[str] = []

        def is_over(status: JobStatus) -> bool:
            now = self._place.cpus(job)
            if not seen or seen[-1] != now:
                seen.append(now)
            return status.state in RESTING

        status = self._nodes.wait_for_job(
            HERE,
            job.name,
            is_over,
            what="the search to end",
            within_s=PATIENCE_S + 10 * WINDOW_S,
        )
        self._say.fact(f"{job.name}: the kernel showed {' → '.join(f'[{c}]' for c in seen)}")
        return status

    def _show(self, job: DemoJob, status: JobStatus) -> None:
        latency = "-" if status.latency_ms is None else f"{status.latency_ms:.1f} ms"
        self._say.fact(
            f"{job.name}: {status.state} on [{status.cpuset}], read back [{self._place.cpus(job)}]"
            f", {latency} (≤ {job.target_ms:g} ms): {status.reason}"
        )

    def _require(self, is_so: bool, otherwise: str) -> None:
        if not is_so:
            raise DemoError(
                "asked for a loop that works", otherwise, f"see {self._settings.home}/logs"
            )


def _seconds(took: timedelta) -> str:
    return f"{took.total_seconds():.1f} s"
