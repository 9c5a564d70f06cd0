"""A joint plan under a power cap: who comes last gives way first."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from components.planning.joint_choice import in_order
from components.planning.joint_plan import plan_jointly
from components.planning.joint_shared import plan_shared
from components.planning.reserve import is_shared

if TYPE_CHECKING:
    from components.planning.joint import JointAsk, JointPlan, Option, Tenant


def plan_within(ask: JointAsk, cap_w: float | None) -> JointPlan:
    """Plan jointly; where that would draw more than the cap, narrow jobs until it does not.

    From the last in order to the first, a job gives up its target: it gets the fastest of its
    options with which the node stays below the cap, or the one of least power where none does,
    and the next gives way too. The plan says who is short and by how much. A cap that cannot be
    kept at all is kept as nearly as can be.
    """
    if is_shared(ask.topology):
        return plan_shared(ask, cap_w)
    plan = plan_jointly(ask)
    if cap_w is None:
        return plan
    for tenant in reversed(in_order(ask.tenants)):
        if plan.power_w <= cap_w or not plan.allocations:
            break
        ask, plan = _give_way(ask, tenant, cap_w)
    return plan


def _give_way(ask: JointAsk, tenant: Tenant, cap_w: float) -> tuple[JointAsk, JointPlan]:
    least = min(tenant.options, key=lambda o: (o.power_w, o.latency_ms))
    lowest = _with_only(ask, tenant, least)
    plan = plan_jointly(lowest)
    if plan.power_w > cap_w:
        return lowest, plan
    frontier = [o for o in tenant.options if o.power_w > least.power_w]
    for option in sorted(frontier, key=lambda o: o.latency_ms)[:_MOST_TRIED]:
        tried = _with_only(ask, tenant, option)
        faster = plan_jointly(tried)
        if len(faster.allocations) == len(ask.tenants) and faster.power_w <= cap_w:
            return tried, faster
    return lowest, plan


_MOST_TRIED = 24


def _with_only(ask: JointAsk, tenant: Tenant, option: Option) -> JointAsk:
    narrowed = replace(tenant, options=(option,))
    return replace(ask, tenants=tuple(narrowed if t.job == tenant.job else t for t in ask.tenants))
