"""Which CPUs make the chosen options real: few L3 groups and sockets awake, few jobs moved."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from components.node.placement import Layout
from components.planning.joint_shape import shapes_of, usable_cores

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from components.node.cpuset import CpuSet
    from components.planning.joint import JointAsk, Option, Tenant
    from components.planning.joint_shape import Core


def pack(
    ask: JointAsk, chosen: Mapping[str, Option], *, stay: bool, spare_groups: int = 0
) -> dict[str, CpuSet] | None:
    """Find CPUs for every tenant's option.

    Args:
        ask: the jobs and the node.
        chosen: an option for each.
        stay: leave jobs whose candidate does not change where they are, and open L3 groups only
            where room lacks; else gather all jobs in as few groups as they fit into.
        spare_groups: gather in so many groups more, and keep jobs out of each other's.

    Returns:
        None where there is no room.
    """
    room = _Room(usable_cores(ask.topology, ask.barred | ask.others))
    cores = _cores_needed(ask, chosen)
    kept = {t.job: t.current for t in ask.tenants if stay and room.may_stay(t, chosen[t.job])}
    awake = {ask.topology.by_id[cpu].l3 for cpu in ask.others if cpu in ask.topology.by_id}
    for own in kept.values():
        awake |= room.take(own)
    if not stay:
        awake |= _gather(ask, room, sum(cores.values()), spare_groups, awake)
    room.open = awake
    room.keep_apart = spare_groups > 0
    placed = dict(kept)
    rest = [t for t in ask.tenants if t.job not in kept]
    for tenant in sorted(rest, key=lambda t: (-cores[t.job], t.job)):
        cpus = room.place(tenant, chosen[tenant.job], cores[tenant.job])
        if cpus is None:
            return None
        placed[tenant.job] = cpus
    return placed


def place_in_groups(
    ask: JointAsk, chosen: Mapping[str, Option], cores: Mapping[str, Sequence[int]]
) -> dict[str, CpuSet] | None:
    """Find CPUs where it is said how many cores each job has in each L3 group, ascending by group.

    Returns:
        None where cores without a second thread make it impossible.
    """
    free = {core.id: core for core in usable_cores(ask.topology, ask.barred | ask.others)}
    groups = sorted({cpu.l3 for cpu in ask.topology.cpus})
    placed = {}
    for tenant in sorted(ask.tenants, key=lambda t: t.candidate != chosen[t.job].candidate):
        mine: list[Core] = []
        for group, n in zip(groups, cores[tenant.job], strict=True):
            here = [core for core in free.values() if core.l3 == group]
            # its own first; then those that would be the worst for a job of siblings last
            here.sort(key=lambda c: (c.cpus[0] not in tenant.current, -len(c.cpus), c.id))
            mine.extend(here[:n])
        n_cpus = chosen[tenant.job].candidate.n_cpus
        if sum(len(core.cpus) for core in mine) < n_cpus:
            return None
        placed[tenant.job] = _threads(mine, n_cpus, tenant.current)
        for core in mine:
            del free[core.id]
    return placed


class _Room:
    """The cores that are still free, and the L3 groups that are open to be filled."""

    def __init__(self, cores: Sequence[Core]) -> None:
        self._free = {core.id: core for core in cores}
        self._core_of = {cpu: core for core in cores for cpu in core.cpus}
        self._size = Counter(core.l3 for core in cores)
        self.open: set[int] = set()
        self.keep_apart = False

    @property
    def free(self) -> Iterable[Core]:
        """Cores nobody has."""
        return self._free.values()

    def may_stay(self, tenant: Tenant, option: Option) -> bool:
        """Whether a job has what it is to get, on usable CPUs nobody else has."""
        return tenant.candidate == option.candidate and all(
            cpu in self._core_of and self._core_of[cpu].id in self._free for cpu in tenant.current
        )

    def take(self, cpus: CpuSet) -> set[int]:
        """Give cores away; the L3 groups they lie in."""
        groups = set()
        for cpu in cpus:
            core = self._core_of[cpu]
            self._free.pop(core.id, None)
            groups.add(core.l3)
        return groups

    def place(self, tenant: Tenant, option: Option, n_cores: int) -> CpuSet | None:
        """Give a job cores: its own where it has any, whole groups before parts of them."""
        is_spread = option.candidate.layout is Layout.SPREAD
        mine: list[Core] = [] if is_spread else self._own(tenant, n_cores)
        used = Counter(core.l3 for core in mine)
        homes = Counter(core.socket for core in mine)
        n_cpus = option.candidate.n_cpus
        while len(mine) < n_cores or sum(len(core.cpus) for core in mine) < n_cpus:
            need = max(n_cores - len(mine), 1)
            core = self._next(need, used, homes, is_spread=is_spread, held={c.id for c in mine})
            if core is None:
                return None
            mine.append(core)
            used[core.l3] += 1
            homes[core.socket] += 1
        cpus = _threads(mine, n_cpus, tenant.current)
        self.open |= self.take(cpus)
        return cpus

    def _own(self, tenant: Tenant, n_cores: int) -> list[Core]:
        """The job's own cores that it may keep, those first where it has most of them."""
        if tenant.candidate is None:
            return []
        own = {
            self._core_of[cpu].id: self._core_of[cpu]
            for cpu in tenant.current
            if cpu in self._core_of and self._core_of[cpu].id in self._free
        }
        fill = Counter(core.l3 for core in own.values())
        homes = Counter(core.socket for core in own.values())
        may = [core for core in own.values() if not self.open or core.l3 in self.open]
        may.sort(key=lambda c: (-homes[c.socket], -fill[c.l3], c.l3, -len(c.cpus), c.id))
        return may[:n_cores]

    def _next(
        self,
        need: int,
        used: Counter[int],
        homes: Counter[int],
        *,
        is_spread: bool,
        held: set[int],
    ) -> Core | None:
        free = [core for core in self._free.values() if core.id not in held]
        if not free:
            return None
        room: dict[int, int] = {}
        in_socket: dict[int, int] = {}
        for core in free:
            room[core.l3] = room.get(core.l3, 0) + 1
            if core.l3 in self.open:
                in_socket[core.socket] = in_socket.get(core.socket, 0) + 1
        is_open = {core.socket for core in self._free.values() if core.l3 in self.open}
        first = {core.l3: core for core in reversed(free)}  # within a group the order is settled

        def spread_key(core: Core) -> tuple[float, ...]:
            return homes[core.socket], used[core.l3], -room[core.l3], core.l3, core.id

        def gather_key(core: Core) -> tuple[float, ...]:
            fits = room[core.l3] >= need
            return (
                core.l3 not in self.open,
                bool(homes) and core.socket not in homes,
                core.socket not in is_open,
                in_socket.get(core.socket, 0) < need,
                used[core.l3] == 0,
                self.keep_apart and room[core.l3] + used[core.l3] < self._size[core.l3],
                not fits,
                room[core.l3] if fits else -room[core.l3],
                core.l3,
                -len(core.cpus),
                core.id,
            )

        return min(first.values(), key=spread_key if is_spread else gather_key)


def _cores_needed(ask: JointAsk, chosen: Mapping[str, Option]) -> dict[str, int]:
    shapes = shapes_of(ask.topology, [chosen[t.job].candidate for t in ask.tenants])
    return {t.job: int(n) for t, n in zip(ask.tenants, shapes.cores, strict=True)}


def _gather(
    ask: JointAsk, room: _Room, n_cores: int, spare_groups: int, awake: set[int]
) -> set[int]:
    """The L3 groups to fill: in few sockets, and there where most jobs already are."""
    size = Counter(core.l3 for core in room.free)
    socket_of = {core.l3: core.socket for core in room.free}
    here: Counter[int] = Counter()
    for tenant in ask.tenants:
        if tenant.candidate is not None:
            here.update(ask.topology.by_id[c].l3 for c in tenant.current)
    by_socket: Counter[int] = Counter()
    for l3, socket in socket_of.items():
        by_socket[socket] += here[l3] + 1000 * (l3 in awake)
    order = sorted(
        size, key=lambda g: (-by_socket[socket_of[g]], socket_of[g], g not in awake, -here[g], g)
    )
    opened: set[int] = set()
    total = spare = 0
    for group in order:
        if total >= n_cores:
            if spare >= spare_groups:
                break
            spare += 1
        opened.add(group)
        total += size[group]
    return opened


def _threads(cores: Sequence[Core], n_cpus: int, current: CpuSet) -> CpuSet:
    """CPUs of some cores, first threads before second ones; as they are where that fits."""
    every = [cpu for core in cores for cpu in core.cpus]
    fits = len(current) == n_cpus and current.issubset(every)
    if fits and all(core.cpus[0] in current for core in cores):
        return current
    by_thread = [
        core.cpus[thread]
        for thread in range(max(len(core.cpus) for core in cores))
        for core in cores
        if thread < len(core.cpus)
    ]
    return frozenset(by_thread[:n_cpus])
