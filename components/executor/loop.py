"""The loop: observe, decide, apply, publish; one thread, one tick after the other."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from components.executor.acting import Actor
from components.executor.administering import Administering
from components.executor.applying import Applying
from components.executor.arms import Arms
from components.executor.clock import WallClock
from components.executor.deciding import Conditions
from components.executor.deciding_all import decide_all
from components.executor.deferral_desk import DeferralDesk
from components.executor.demanding import demand_of
from components.executor.device_desk import DeviceDesk
from components.executor.fingerprint_watch import FingerprintWatch
from components.executor.followed import Followed, Following
from components.executor.heartbeat import heartbeat_of
from components.executor.holding import keep_holds
from components.executor.job_run import reach
from components.executor.joint_desk import JointDesk, plans_jointly
from components.executor.learning import learn
from components.executor.node_meter import NodeMeter
from components.executor.pausing import is_paused_here
from components.executor.publishing import publish
from components.executor.remembering import remember
from components.executor.roster import Roster
from components.executor.search_session import SearchSession
from components.executor.searches import start_searches
from components.executor.sweeping import Sweeping
from components.executor.turns import whose_turn
from components.executor.variant_desk import VariantDesk
from components.jobs.job import Mode
from components.planning.guard import guard
from components.planning.reserve import usable_cpus

if TYPE_CHECKING:
    from components.actuation.freezing import FreezeJournal
    from components.actuation.frequency import Frequencies
    from components.actuation.journal import Journal, RestoreReport
    from components.executor.clock import Clock
    from components.executor.job_run import JobRun
    from components.executor.jobs_in_charge import JobsInCharge
    from components.executor.observation import Demand
    from components.executor.ports import NodePorts, Publisher
    from components.executor.search_session import OpenSearch
    from components.executor.settings import ExecutorSettings
    from components.executor.state import StateStore
    from components.executor.window import ClosedWindow
    from components.node.cpuset import CpuSet
    from components.planning.guard import GuardRule
    from components.policy.brain import Brain
    from components.telemetry.heartbeat import Heartbeat

log = logging.getLogger(__name__)


class Executor:
    """Holds one node's jobs on their targets at the least power.

    It decides alone, by the policy in force and what it sees; everything outside may be away.
    Call `tick` as often as the settings say, all calls from one thread; `stop` puts back what was
    changed.
    """

    def __init__(
        self,
        ports: NodePorts,
        *,
        publisher: Publisher,
        journal: Journal,
        store: StateStore,
        in_charge: JobsInCharge,
        following: Following,
        settings: ExecutorSettings,
        wall: Clock | None = None,
        devices: DeviceDesk | None = None,
        freezes: FreezeJournal | None = None,
        frequencies: Frequencies | None = None,
        open_search: OpenSearch = SearchSession,
        guard: GuardRule = guard,
        seed: int | None = None,
    ) -> None:
        """Wire a node.

        `open_search` and `guard` are replaced only to try the other of the two; `seed` draws the
        turns of the arms.
        """
        self.ports = ports
        self.settings = settings
        self.store = store
        self.following = following
        self.followed = Followed()
        self.meter = NodeMeter(ports.power, ports.cpu_times)
        self.journal = journal
        self.actor = Actor(ports.host, journal)
        self.roster = Roster(ports, self.actor, in_charge, self.meter, store, settings, open_search)
        self._guard = guard
        self.sweeping = Sweeping(store)
        self.devices = devices or DeviceDesk(ports, None)
        self.variants = VariantDesk(ports, self.devices.hints)
        self.deferrals = DeferralDesk(ports, self.actor, freezes)
        self.arms = Arms(settings, seed)
        self.fingerprint = FingerprintWatch(ports, store)
        self.joint = JointDesk(ports) if plans_jointly(settings, ports.topology) else None
        self.administering = Administering(settings.administrator_file, ports.topology, frequencies)
        self._applying = Applying(ports, self.actor, self.roster)
        self.publisher = publisher
        self._wall = wall or WallClock()
        self._prober: str | None = None
        self._discover_at_s = 0.0
        self._beat_at_s = 0.0

    @property
    def runs(self) -> tuple[JobRun, ...]:
        """All jobs in charge, by name."""
        return tuple(self.roster.runs[name] for name in sorted(self.roster.runs))

    @property
    def is_paused(self) -> bool:
        """Whether nothing may be changed, by the release log or by someone on the node."""
        return self.followed.paused or is_paused_here(self)

    @property
    def deciding(self) -> Brain | None:
        """The policy whose turn it is."""
        return self.arms.brain(self.followed)

    def close_windows(self, at_s: float) -> None:
        """Close all windows that can be judged: another arm's turn begins."""
        self._interrupt(set(), at_s)

    def begin_windows(self) -> None:
        """Begin all windows anew when things have settled."""
        self._settle(self.ports.clock.monotonic_s())

    @property
    def has_policy(self) -> bool:
        """Whether the release in force has a policy that may decide today."""
        return self.followed.brain is not None and self.followed.is_in_time(self.wall_time())

    def tick(self) -> None:
        """Observe, decide, apply and publish once."""
        at_s = self.ports.clock.monotonic_s()
        self._follow()
        self.meter.keep_up(at_s)
        has_changed = self.ports.changed is not None and self.ports.changed()
        if has_changed or at_s >= self._discover_at_s:
            self.refresh()
        for run in self.runs:  # is what is in force still what we believe?
            if self._applying.look(run, at_s, self.settings.foreign_hold_s):
                self._settle(at_s)
        keep_holds(self, at_s)
        for run, demand in whose_turn(self.runs, self.settings, self.sweeping.order, at_s):
            self._read(run, demand, at_s)
        self.arms.step(self, at_s)
        if self.devices.steer(self, at_s) | self.variants.steer(self, at_s):
            self._settle(at_s)
        start_searches(self, at_s)
        self._act(at_s)
        self.beat()

    @property
    def online(self) -> CpuSet:
        """The CPUs that are on, by what was last read of them."""
        return self.meter.online or self.ports.topology.ids

    def refresh(self) -> None:
        """Look at containers, and at what is said of them, now."""
        at_s = self.ports.clock.monotonic_s()
        self.fingerprint.look(at_s)
        allowed = self.followed.mode_allowed
        if self.fingerprint.change is not None:
            allowed = reach(allowed, Mode.RECOMMEND)
        self.administering.refresh()
        self.administering.keep_frequencies(self)
        self.roster.refresh(allowed, self.online, self.fingerprint.identity.fingerprint)
        is_told = self.ports.changed is not None and not self.roster.health
        self._discover_at_s = at_s + (self.settings.list_s if is_told else self.settings.discover_s)

    def beat(self, *, now: bool = False) -> None:
        """Publish a heartbeat when it is due by the wall's time."""
        wall_s = self._wall.monotonic_s()
        if now or wall_s >= self._beat_at_s:
            self._beat_at_s = wall_s + self.settings.heartbeat_s
            self.publisher.heartbeat(self.heartbeat())

    def heartbeat(self) -> Heartbeat:
        """What the node says of itself now."""
        return heartbeat_of(self, self.wall_time())

    def stop(self) -> RestoreReport:
        """Put back what was changed, say so in a last heartbeat, and end."""
        if self.sweeping.is_running:
            self.sweeping.fail("the executor was stopped")
        report = self.restore_all()
        self.beat(now=True)
        self.publisher.close()
        return report

    def restore_all(self) -> RestoreReport:
        """Give every container its original CPUs; jobs are watched on from there.

        Raises:
            JournalError: the journal could not be written.
        """
        report = self.devices.restore_all(self._applying.restore_all(self.journal))
        report = self.administering.frequencies.restore_all(self.deferrals.restore_all(report))
        self._settle(self.ports.clock.monotonic_s())
        return report

    def _follow(self) -> None:
        followed = self.following.current()
        before, self.followed = self.followed, followed
        if followed.mode_allowed is not before.mode_allowed:
            self._discover_at_s = 0.0
        if followed.policy_digest != before.policy_digest:
            for run in self.runs:
                run.last_good = run.decision.best or run.last_good
                if followed.brain is None:
                    run.decision.close("the release in force has no policy for this node")
        self.arms.follow(followed, self)
        asked = followed.sweep
        if asked is not None and self.roster.runs:
            self.sweeping.obey(asked, self)

    def _read(self, run: JobRun, demand: Demand, at_s: float) -> None:
        window = run.observer.tick(at_s, demand)
        if window is not None:
            self._take(run, window, at_s)

    def _take(self, run: JobRun, window: ClosedWindow, at_s: float) -> None:
        """Publish a closed window, and let the job learn from it."""
        run.window = window
        run.is_idle = not window.is_judgeable
        publish(self, run, window)
        self.devices.note(run, window, at_s)
        self.variants.note(run, window)
        if self.sweeping.is_running:
            self.sweeping.note(run.name)
            return
        self.arms.note(run, window)
        if self.joint is not None:
            self.joint.note(run, window, at_s)
        learn(run, window, at_s)
        remember(self, run)

    def conditions(self, at_s: float) -> Conditions:
        """What holds for the whole node now."""
        topology = self.ports.topology
        online = self.online & topology.ids - self.administering.says.protected_cpus
        return Conditions(
            topology=topology,
            online=online,
            allowed=usable_cpus(topology) & online,
            settings=self.settings,
            is_paused=self.is_paused,
            has_policy=self.has_policy,
            at_s=at_s,
            guard=self._guard,
        )

    def _act(self, at_s: float) -> None:
        if self.sweeping.is_running:
            changes = self.sweeping.changes(self)
        elif self.arms.is_baseline:
            changes = self.arms.changes(self)
        else:
            changes, self._prober = decide_all(self, self._prober, at_s)
        moving = [change for change in changes if change.cpus != change.run.in_force.cpus]
        if moving:
            self._interrupt({change.run.name for change in moving}, at_s)
        self.deferrals.step(self, changes, at_s)
        moved = self._applying.apply_all(changes, at_s)
        if moving and any(moved):
            self._settle(at_s)

    def _interrupt(self, movers: set[str], at_s: float) -> None:
        """Something is about to change: close the windows of the other jobs where they suffice."""
        for run in self.runs:
            if run.name not in movers and run.mode is not Mode.OFF:
                window = run.observer.interrupt(
                    at_s, demand_of(run, self.settings, self.sweeping.order)
                )
                if window is not None:
                    self._take(run, window, at_s)

    def _settle(self, at_s: float) -> None:
        for run in self.runs:
            run.observer.restart(at_s + self.settings.settle_s)
            if not self.settings.settle_s and run.mode is not Mode.OFF:  # the next begins at once
                self._read(run, demand_of(run, self.settings, self.sweeping.order), at_s)

    def wall_time(self) -> datetime:
        """What a clock on the wall says, UTC."""
        return datetime.fromtimestamp(self._wall.now_s(), tz=UTC)
