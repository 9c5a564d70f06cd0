"""Where deciders meet the same cases: ours, and what else one could run on a node.

A contender is given what a node knows beforehand and may read candidates, one window a reading.
What it chose is judged by the truth, never by what it read.
"""

from __future__ import annotations

import time
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from components.jobs.candidate import Candidate
    from components.node.topology import Topology


@dataclass(frozen=True, slots=True)
class Task:
    """What a contender knows before it reads anything."""

    name: str
    candidates: tuple[Candidate, ...]
    """Ascending by number of CPUs."""
    n_logical: int
    n_physical: int
    target_ms: float
    topology: Topology | None = None
    """None where only the counts are known."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one window of a candidate showed."""

    latency_ms: float
    power_w: float
    """Mean power of the whole node."""
    utilization: float | None = None
    """How busy the CPUs given were, in [0, 1]; None where nobody recorded it."""


class Read(Protocol):
    """Hold a candidate and read it."""

    def __call__(self, candidate: Candidate, confirm_windows: int = 0) -> Reading:
        """Read one window, a probe; or the mean of some windows that confirm what was chosen."""
        ...


@dataclass(frozen=True, slots=True)
class Decision:
    """What a contender ends with."""

    candidate: Candidate
    """What to run; the fastest known where the target is out of reach."""
    infeasible: bool = False
    """The contender says that nothing meets the target."""


class Contender(Protocol):
    """Something that decides what a job gets."""

    @property
    def name(self) -> str:
        """How tables call it."""
        ...

    def decide(self, task: Task, read: Read, seed: int) -> Decision:
        """Choose one of the task's candidates; the same seed and readings, the same choice."""
        ...


@dataclass(frozen=True, slots=True)
class Case:
    """A task and the truth about it."""

    name: str
    family: str
    candidates: tuple[Candidate, ...]
    latency_ms: NDArray[np.float64]
    """Shape (C,): true latency of every candidate."""
    power_w: NDArray[np.float64]
    """Shape (C,): true node power of every candidate."""
    target_ms: float
    n_logical: int
    n_physical: int
    noise: float = 0.0
    """sigma of the log latency of one window."""
    power_noise: float = 0.0
    """sigma of the log power of one window."""
    topology: Topology | None = None
    idle_w: float | None = None
    """Power of the node with nothing to do, where known."""
    utilization: NDArray[np.float64] | None = None
    """Shape (C,): how busy the job keeps its CPUs, in [0, 1], where known."""
    node_targets_ms: tuple[float, ...] = ()
    """All targets that were set on this node, where there were others."""

    @property
    def feasible(self) -> NDArray[np.bool_]:
        """Shape (C,): which candidates keep the target."""
        return np.asarray(self.latency_ms <= self.target_ms)

    @property
    def best(self) -> int:
        """Position of the cheapest candidate that keeps the target; the fastest if none does."""
        if not self.feasible.any():
            return int(self.latency_ms.argmin())
        return int(np.where(self.feasible, self.power_w, np.inf).argmin())

    @property
    def task(self) -> Task:
        """What a contender may know of it."""
        return Task(
            name=self.name,
            candidates=self.candidates,
            n_logical=self.n_logical,
            n_physical=self.n_physical,
            target_ms=self.target_ms,
            topology=self.topology,
        )


@dataclass(frozen=True, slots=True)
class Result:
    """How a contender did on a case, by true values."""

    contender: str
    case: str
    family: str
    target_ms: float
    chosen: Candidate
    infeasible: bool
    """The contender said that nothing meets the target."""
    probes: int
    """Windows read, repeats included, those of the confirmation not."""
    confirm_windows: int
    """Windows read to confirm the choice."""
    unsafe_probes: int
    """Different candidates among the probes whose true latency misses the target."""
    regret_whole_node: float
    """Power over that of the best choice, less 1; below 0 only for a violation. Where nothing
    keeps the target: latency over that of the fastest, less 1."""
    regret_above_idle: float | None
    """The same of the power above idle; None where idle is not known or nothing keeps the target.
    """
    violated: bool
    """Something keeps the target, the choice does not, and the contender does not say so."""
    exact: bool
    """The choice is the best there is, or rightly "nothing meets the target"."""
    within_one: bool
    """The choice keeps the target and is one step of CPUs from the best, or exact."""
    false_infeasible: bool
    """The contender said that nothing meets the target, and something does."""
    false_feasible: bool
    """Nothing meets the target, and the contender did not say so."""
    cpu_ms: float
    """CPU time of all decisions together."""
    probed: tuple[Candidate, ...] = ()
    """What was probed, in order."""


def run(contender: Contender, case: Case, seed: int = 0) -> Result:
    """Let a contender decide a case; every contender meets the same noise with the same seed."""
    node = _Node(case, seed)
    before = time.thread_time()
    decision = contender.decide(case.task, node.read, seed)
    cpu_ms = 1000.0 * (time.thread_time() - before)
    return _judge(contender.name, case, decision, node, cpu_ms)


@dataclass(slots=True)
class _Node:
    """Reads a case; the k-th reading of a candidate has the same error for every contender."""

    case: Case
    seed: int
    probed: list[int] = field(default_factory=list)
    confirm_windows: int = 0
    _errors: dict[int, np.random.Generator] = field(default_factory=dict)
    _position: dict[Candidate, int] = field(init=False)

    def __post_init__(self) -> None:
        self._position = {candidate: i for i, candidate in enumerate(self.case.candidates)}

    def read(self, candidate: Candidate, confirm_windows: int = 0) -> Reading:
        """What a window, or the mean of some, shows."""
        index = self._position[candidate]
        if confirm_windows:
            self.confirm_windows += confirm_windows
        else:
            self.probed.append(index)
        key = [self.seed, zlib.crc32(self.case.name.encode()), index]
        rng = self._errors.setdefault(index, np.random.default_rng(key))
        error = rng.normal(size=2) / np.sqrt(max(confirm_windows, 1))
        busy = self.case.utilization
        return Reading(
            float(self.case.latency_ms[index] * np.exp(self.case.noise * error[0])),
            float(self.case.power_w[index] * np.exp(self.case.power_noise * error[1])),
            None if busy is None else float(busy[index]),
        )


def _judge(name: str, case: Case, decision: Decision, node: _Node, cpu_ms: float) -> Result:
    index, best = case.candidates.index(decision.candidate), case.best
    feasible, reachable = case.feasible, bool(case.feasible.any())
    keeps = bool(feasible[index]) and not decision.infeasible
    exact = (keeps and index == best) or (decision.infeasible and not reachable)
    counts = sorted({candidate.n_cpus for candidate in case.candidates})
    steps = counts.index(decision.candidate.n_cpus) - counts.index(case.candidates[best].n_cpus)
    above_idle = None
    if reachable and case.idle_w is not None and case.power_w[best] > case.idle_w:
        above_idle = float(
            (case.power_w[index] - case.idle_w) / (case.power_w[best] - case.idle_w) - 1.0
        )
    truth = case.power_w if reachable else case.latency_ms
    return Result(
        contender=name,
        case=case.name,
        family=case.family,
        target_ms=case.target_ms,
        chosen=decision.candidate,
        infeasible=decision.infeasible,
        probes=len(node.probed),
        confirm_windows=node.confirm_windows,
        unsafe_probes=len({i for i in node.probed if not feasible[i]}),
        regret_whole_node=float(truth[index] / truth[best] - 1.0),
        regret_above_idle=above_idle,
        violated=reachable and not decision.infeasible and not bool(feasible[index]),
        exact=exact,
        within_one=exact or (keeps and abs(steps) <= 1),
        false_infeasible=decision.infeasible and reachable,
        false_feasible=not decision.infeasible and not reachable,
        cpu_ms=cpu_ms,
        probed=tuple(case.candidates[i] for i in node.probed),
    )
