"""`joulepilot-node run`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.executor.cli_home import home_of
from components.executor.control_access import Access
from components.executor.quiet_time import parse_quiet_time
from components.executor.settings import ExecutorSettings
from components.executor.wiring import NodeOptions, run_node
from components.jobs.job import Mode
from components.settings.login import read_login
from components.telemetry.power_order import parse_order

if TYPE_CHECKING:
    import argparse


def run(arguments: argparse.Namespace) -> int:
    """Run the executor; 0 when every original was put back at its end."""
    settings = ExecutorSettings(
        mode=Mode(arguments.mode),
        tick_s=arguments.tick_s,
        window_s=arguments.window_s,
        min_requests=arguments.min_requests,
        settle_s=arguments.settle_s,
        confirm_windows=arguments.confirm_windows,
        foreign_hold_s=arguments.foreign_hold_s,
        holdback_share=arguments.holdback,
        quiet_times=tuple(map(parse_quiet_time, arguments.maintenance)),
        pace=arguments.pace,
        plans_jointly=arguments.plan_jointly,
    )
    options = NodeOptions(
        home=home_of(arguments),
        node=arguments.node,
        host=arguments.host,
        docker_socket=arguments.docker_socket,
        processes=arguments.processes,
        hub=arguments.hub,
        hub_login=read_login(arguments.hub_login_file),
        releases=arguments.releases,
        jobs_file=arguments.jobs_file,
        only_label=arguments.only_label,
        seed=arguments.seed,
        power=parse_order(arguments.power),
        public_key=arguments.public_key,
        access=Access.of_groups(arguments.read_group, arguments.operate_group),
    )
    return 0 if run_node(options, settings) else 1
