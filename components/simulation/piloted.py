"""joulepilot itself in a scenario: the executor as it runs on nodes, on a made-up one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.actuation.journal import Journal
from components.executor.errors import NothingToRollBackError
from components.executor.followed import Followed
from components.executor.jobs_in_charge import JobsInCharge
from components.executor.loop import Executor
from components.executor.madeup_ports import ports_of
from components.executor.node_home import NodeHome
from components.executor.ports import KeptEvents
from components.executor.settings import ExecutorSettings
from components.executor.state import StateStore
from components.jobs.live_overrides import LiveOverrides
from components.madeup.job import MadeUpJob
from components.madeup.node import MadeUpNode, job_labels
from components.madeup.state import NodeCharacter
from components.simulation.play import Scribe
from components.telemetry.sample import Arm

if TYPE_CHECKING:
    from pathlib import Path

    from components.policy.brain import Brain
    from components.simulation.cast import Cast, Player
    from components.simulation.play import Record
    from components.simulation.world import Moment, World

CONFIRM_WINDOWS = 3
START_S = 1_800_000_000.0


class _Following:
    """Implements `Following`: one policy, for good."""

    def __init__(self, brain: Brain) -> None:
        self._followed = Followed(brain=brain)

    def current(self) -> Followed:
        """Always the same."""
        return self._followed

    def reject(self, digest: str, reason: str) -> None:
        """There is no challenger."""

    def roll_back(self) -> str:
        """Nothing came before.

        Raises:
            NothingToRollBackError: always.
        """
        raise NothingToRollBackError(
            "asked to roll back", "a simulation has one policy", "give another bundle"
        )


def play_joulepilot(
    world: World,
    brain: Brain,
    home: Path,
    *,
    name: str,
    is_joint: bool,
    administrator: Path | None = None,
) -> Record:
    """Let an executor decide all of a scenario, a tick a step.

    Args:
        world: what is true.
        brain: the policy.
        home: an empty folder for the node's files.
        name: in tables.
        is_joint: whether jobs are planned together.
        administrator: the administrator file of the node; None: there is none.
    """
    cast = world.cast
    node = _node(cast, home)
    settings = _settings(cast, administrator, is_joint=is_joint)
    executor = _executor(node, brain, home, settings)
    scribe = Scribe(world, name)
    before = world.moment(0)
    for step in range(cast.scenario.n_steps):
        moment = world.moment(step)
        _bring_about(node, before, moment, is_first=step == 0)
        before = moment
        held = {p.name: node.host.effective_cpus(node.container(p.name).id) for p in cast.players}
        latency_ms = {p.name: node.true_latency_ms(p.name) for p in cast.players}
        probing = frozenset(run.name for run in executor.runs if run.in_force.arm is Arm.PROBE)
        power_w = node.true_power_w()
        scribe.note(step, held, latency_ms, power_w, moment.disturbance.cap_w, probing)
        if step == 0:
            executor.tick()  # it was there before the first window
        node.clock.sleep(cast.scenario.step_s)
        executor.tick()
    executor.stop()
    return scribe.record()


def _node(cast: Cast, home: Path) -> MadeUpNode:
    character = NodeCharacter(
        cast.topology,
        cast.platform.idle_w,
        cast.seed,
        cast.scenario.noise,
        cast.platform,
    )
    return MadeUpNode(
        home / "node-files",
        character,
        [_job(player) for player in cast.players],
        name=cast.scenario.name,
        start_s=START_S,
    )


def _job(player: Player) -> MadeUpJob:
    labels = job_labels(player.target_ms, model=player.name.split("-")[0])
    return MadeUpJob(
        name=player.name,
        response=player.response,
        rate_per_s=player.rate_per_s,
        labels=labels | {"joulepilot.priority": str(player.priority)},
        manners=player.manners,
    )


def _settings(cast: Cast, administrator: Path | None, *, is_joint: bool) -> ExecutorSettings:
    step_s = cast.scenario.step_s
    return ExecutorSettings(
        tick_s=step_s,
        window_s=step_s,
        settle_s=0.0,
        confirm_windows=CONFIRM_WINDOWS,
        discover_s=6 * step_s,
        plans_jointly=is_joint,
        administrator_file=administrator,
        holdback_share=0.0,  # what is saved is known here: nothing is held back to prove it
    )


def _executor(node: MadeUpNode, brain: Brain, home: Path, settings: ExecutorSettings) -> Executor:
    files = NodeHome(home)
    return Executor(
        ports_of(node, node.name),
        publisher=KeptEvents(most=100),
        journal=Journal(files.journal),
        store=StateStore(files.state),
        in_charge=JobsInCharge(files.jobs_file, LiveOverrides(files.overrides)),
        following=_Following(brain),
        settings=settings,
        wall=node.clock,
    )


def _bring_about(node: MadeUpNode, before: Moment, now: Moment, *, is_first: bool) -> None:
    """Make the node what the world is."""
    for name, player in now.players.items():
        if player is not before.players[name] and player.response != before.players[name].response:
            node.start(_job(player))
        if is_first or now.rates_per_s[name] != before.rates_per_s[name]:
            node.set_rate(name, now.rates_per_s[name])
        if (name in now.silent) is not (name in before.silent):
            node.silence(name, silent=name in now.silent)
    if now.disturbance != before.disturbance or is_first:
        node.be_disturbed(now.disturbance)
