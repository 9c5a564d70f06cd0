"""The search over a recording: the policy finds the region, closing the gap finds the optimum.

A recording has few allocations, often of one layout, and readings as exact as it was measured.
There a choice is proven best when the allocation with the next fewer CPUs of its layout was seen
to miss the target. While nothing keeps the target the policy chooses, and then the surroundings of
the fastest are read. From the first that keeps it, the gap down to the next fewer CPUs read is
closed: each probe goes where a straight line through both, in logarithms, crosses the target; to
half the CPUs while nothing missed it; and to the middle of the gap when that was slow. Then places
are looked at where latency often lies lower than around them: the next even number, all cores
without siblings, all of one socket; fewer CPUs than any read, where latency hardly rose down to
them; and last what the policy's predictor hopes to save in another layout. On a node the policy
leaves the gap open: there a probe costs a service its target, here only its count.

Under noise an allocation keeps its target when its mean lies 2.3 standard errors below; sigma is
known, and what is close is read again. Nothing is confirmed beyond that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.jobs.candidate import Candidate
from components.jobs.target import Target
from components.policy.search import Search
from components.policy.search_settings import SearchSettings
from components.policy.steps import Observation, Probe
from models.allocator.arena import Decision
from models.allocator.arena_policy import topology_of
from models.allocator.recording_seen import Seen

if TYPE_CHECKING:
    from components.policy.brain import Brain
    from models.allocator.arena import Read, Reading, Task

MAX_PROBES = 12
WIDENING_PROBES = 2
"""Probes that the policy chooses while nothing keeps the target, before the fastest leads."""
LEAST_SAVING = 0.002
"""Of the power, that another layout must promise to be read."""
KEEP_SIGMAS = 2.3
"""Standard errors below the target at which an allocation counts as keeping it; more than the two
of a node, since one that is read until it does gets several chances."""
MAX_READINGS = 6
"""Readings after which an undecided allocation is let go."""
REPEATS_AHEAD = 5
"""An undecided one is read again if so many readings more would decide for it, at its mean."""
MIN_P_FEASIBLE = 0.2
"""Less than on a node: no service suffers from a probe of a recording."""
_EXACT_SIGMA = 1e-9
"""What the policy is told of readings without noise."""
_TOLERANCE = 1e-12
"""A log latency this much above its target keeps it: rounding of sums, not slowness."""
_SPEEDUP = 0.8
"""How fast latency falls with cores, as an exponent, where nothing better is known."""
_SIBLING_WORTH = 0.25
_APART = 1.2
"""Two numbers of CPUs at least so far apart, as a ratio, tell how latency rises."""
_NARROW_MISS = 0.03
"""Log latency above the target that evenness may make up for."""
_FAR_MISS = 0.2
"""Log latency above the target, as extrapolated, up to which half the CPUs are tried."""
_NEAR_MISS = 0.08
"""Log latency above the target, as estimated, up to which all cores of a kind are looked at."""


@dataclass(frozen=True, slots=True)
class RecordingContender:
    """Searches a recording with a bundle; every reading is a probe, and none is a confirmation."""

    brain: Brain
    sigma: float
    """Noise of a reading, of its log latency; 0 for exact ones."""
    name: str = "ours, gap closed"

    def decide(self, task: Task, read: Read, seed: int) -> Decision:  # noqa: ARG002 - no chance
        """Read what is worth a probe until the choice is proven or the probes are spent."""
        search = _RecordingSearch(self.brain, task, self.sigma)
        while (candidate := search.next()) is not None:
            search.observe(candidate, read(candidate))
        return search.decision()


class _RecordingSearch:
    """Ask `next()`, read it, tell `observe()`; the end is when there is no next."""

    def __init__(self, brain: Brain, task: Task, sigma: float) -> None:
        self._topology = topology_of(task)
        self._candidates = sorted(task.candidates)
        self._target_log = math.log(task.target_ms) + _TOLERANCE
        self._sigma = sigma
        self._seen: dict[Candidate, Seen] = {}
        self._n_probes = 0
        self._gap_before: int | None = None
        self._policy = Search(
            brain,
            self._topology,
            task.candidates,
            Target(task.target_ms * (1.0 + 4.0 * _EXACT_SIGMA)),
            SearchSettings(
                window_sigma=min(max(sigma, _EXACT_SIGMA), 0.9),
                max_probes=MAX_PROBES,
                min_p_feasible=MIN_P_FEASIBLE,
            ),
        )

    def next(self) -> Candidate | None:
        """What to read next; None when the search has ended."""
        chosen = self._cheapest_kept()
        if self._n_probes < MAX_PROBES:
            return self._widen() if chosen is None else self._narrow(chosen)
        return None

    def observe(self, candidate: Candidate, reading: Reading) -> None:
        """Take in a reading."""
        seen = self._seen.setdefault(candidate, Seen())
        seen.latency_log.append(math.log(reading.latency_ms))
        seen.power_w.append(reading.power_w)
        self._n_probes += 1
        self._policy.observe(Observation(candidate, reading.latency_ms, reading.power_w))

    def decision(self) -> Decision:
        """The cheapest that keeps the target; else the fastest, out of reach if its mean misses."""
        chosen = self._cheapest_kept()
        if chosen is not None:
            return Decision(chosen)
        fastest = max(self._seen, key=self._margin)
        return Decision(fastest, infeasible=self._margin(fastest) < 0.0)

    def _margin(self, candidate: Candidate) -> float:
        """How far below the target its mean log latency lies."""
        return self._target_log - self._seen[candidate].mean_log

    def _is_kept(self, candidate: Candidate) -> bool:
        bound = KEEP_SIGMAS * self._sigma / math.sqrt(self._seen[candidate].n)
        return self._margin(candidate) >= bound

    def _cheapest_kept(self) -> Candidate | None:
        kept = [candidate for candidate in self._seen if self._is_kept(candidate)]
        return min(kept, key=lambda c: (self._seen[c].mean_w, c), default=None)

    def _widen(self) -> Candidate | None:
        """While nothing keeps the target the policy says what may."""
        step = self._policy.next()
        if isinstance(step, Probe) and self._n_probes < WIDENING_PROBES:
            return step.candidate
        undecided = [
            c for c in self._seen if self._margin(c) > 0.0 and self._seen[c].n < MAX_READINGS
        ]
        if undecided:
            return max(undecided, key=self._margin)
        return self._around_fastest() or (step.candidate if isinstance(step, Probe) else None)

    def _around_fastest(self) -> Candidate | None:
        """The middle of the wider gap beside the fastest, if that nearly keeps the target."""
        fastest = max(self._seen, key=self._margin)
        if self._margin(fastest) < -_NEAR_MISS:
            return None
        chain = [c for c in self._candidates if c.layout is fastest.layout]
        seen = [c.n_cpus for c in chain if c in self._seen]
        low = max((n for n in seen if n < fastest.n_cpus), default=chain[0].n_cpus / 2.0)
        high = min((n for n in seen if n > fastest.n_cpus), default=fastest.n_cpus)
        at = chain.index(fastest)
        sides = [
            [c for c in chain[:at] if c.n_cpus > low],
            [c for c in chain[at + 1 :] if c.n_cpus < high],
        ]
        if fastest.n_cpus / low < high / fastest.n_cpus or not sides[0]:
            sides.reverse()
        middles = [side[len(side) // 2] for side in sides if side]
        return middles[0] if middles else None

    def _narrow(self, chosen: Candidate) -> Candidate | None:
        repeated = self._worth_repeating(chosen)
        if repeated is not None:
            return repeated
        inside = self._inside_gap(chosen, self._missed_below(chosen))
        return inside or self._other_place(chosen)

    def _worth_repeating(self, chosen: Candidate) -> Candidate | None:
        """The cheapest undecided that some more readings would make kept, at its mean."""
        for candidate in sorted(self._seen, key=lambda c: self._seen[c].mean_w):
            seen = self._seen[candidate]
            if seen.mean_w >= self._seen[chosen].mean_w:
                return None
            margin = self._margin(candidate)
            if margin <= 0.0 or self._is_kept(candidate) or seen.n >= MAX_READINGS:
                continue
            if (KEEP_SIGMAS * self._sigma / margin) ** 2 <= seen.n + REPEATS_AHEAD:
                return candidate
        return None

    def _below(self, chosen: Candidate) -> list[Candidate]:
        return [
            c for c in self._candidates if c.layout is chosen.layout and c.n_cpus < chosen.n_cpus
        ]

    def _missed_below(self, chosen: Candidate) -> Candidate | None:
        """The allocation with most CPUs below the chosen one that was read; it was not kept."""
        return max((c for c in self._below(chosen) if c in self._seen), default=None)

    def _inside_gap(self, chosen: Candidate, missed: Candidate | None) -> Candidate | None:
        between = [c for c in self._below(chosen) if missed is None or c > missed]
        if not between:
            self._gap_before = None
            return None
        was_slow = self._gap_before is not None and 2 * len(between) > self._gap_before
        self._gap_before = None if missed is None or was_slow else len(between)
        if was_slow:
            return between[len(between) // 2]
        n_cpus = self._crossing(chosen, missed)
        return next((c for c in between if c.n_cpus >= n_cpus), between[-1])

    def _crossing(self, chosen: Candidate, missed: Candidate | None) -> float:
        """Number of CPUs at which the target is just kept, as far as two readings tell."""
        margin = self._margin(chosen)
        if missed is None:
            return chosen.n_cpus * min(math.exp(-margin / _SPEEDUP), 0.5)
        wanted, low = KEEP_SIGMAS * self._sigma, self._margin(missed)
        share = (wanted - low) / (margin - low) if margin > low else 0.5
        ratio = chosen.n_cpus / missed.n_cpus
        return missed.n_cpus * math.pow(ratio, min(max(share, 0.0), 1.0)) - 1e-6

    def _other_place(self, chosen: Candidate) -> Candidate | None:
        """Where latency may lie lower than the readings around it make believe."""
        return (
            self._next_even(chosen)
            or self._landmark(chosen)
            or self._beyond(chosen)
            or self._elsewhere(chosen)
        )

    def _next_even(self, chosen: Candidate) -> Candidate | None:
        """Two CPUs fewer, where only an odd number between them misses, and narrowly."""
        odd = Candidate(max(chosen.n_cpus - 1, 1), chosen.layout)
        even = Candidate(max(chosen.n_cpus - 2, 1), chosen.layout)
        is_new = even in self._below(chosen) and even not in self._seen
        if odd.n_cpus % 2 == 0 or not is_new or odd not in self._seen:
            return None
        return even if self._margin(odd) >= -_NARROW_MISS else None

    def _landmark(self, chosen: Candidate) -> Candidate | None:
        """All cores without siblings, or those of one socket, if a miss above was a near one."""
        cores = self._topology.n_physical
        for n_cpus in (cores, cores // self._topology.n_sockets):
            landmark = Candidate(n_cpus, chosen.layout)
            if landmark in self._below(chosen) and landmark not in self._seen:
                above = min(c for c in self._seen if c > landmark and c.layout is chosen.layout)
                fewer = math.log(self._effective(above) / self._effective(landmark))
                if _SPEEDUP * fewer - self._margin(above) <= _NEAR_MISS:
                    return landmark
        return None

    def _beyond(self, chosen: Candidate) -> Candidate | None:
        """Half the fewest CPUs read, where latency hardly rose, or even fell, down to there."""
        below = self._below(chosen)
        read = sorted(c for c in self._seen if c.layout is chosen.layout)
        lowest = read[0]
        above = next((c for c in read if c.n_cpus >= _APART * lowest.n_cpus), None)
        further = [c for c in below if c < lowest and 2 * c.n_cpus >= lowest.n_cpus]
        if above is None or not further:
            return None
        rise = (self._margin(above) - self._margin(lowest)) / math.log(above.n_cpus / lowest.n_cpus)
        halved = math.log(lowest.n_cpus / further[0].n_cpus)
        near = rise * halved - self._margin(lowest) <= _FAR_MISS
        return further[0] if near else None

    def _elsewhere(self, chosen: Candidate) -> Candidate | None:
        """What the policy's predictor hopes to save most with in another layout."""
        spent_w = self._seen[chosen].mean_w
        hopes: dict[Candidate, float] = {}
        for predicted in self._policy.predictions():
            candidate = predicted.candidate
            if candidate.layout is chosen.layout or candidate in self._seen:
                continue
            p_kept = predicted.p_within(math.exp(self._target_log))
            saving = 1.0 - predicted.power_w / spent_w
            if p_kept >= MIN_P_FEASIBLE and saving >= LEAST_SAVING:
                hopes[candidate] = p_kept * saving
        return max(hopes, key=lambda c: hopes[c], default=None)

    def _effective(self, candidate: Candidate) -> float:
        cores = min(candidate.n_cpus, self._topology.n_physical)
        return cores + _SIBLING_WORTH * (candidate.n_cpus - cores)
