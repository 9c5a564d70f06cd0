"""Puts one node's process together: which host, which meters, which log."""

from __future__ import annotations

import signal
import threading
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from components.actuation.engine_events import EngineEvents
from components.actuation.freezing import FreezeJournal
from components.actuation.frequency import Frequencies
from components.actuation.guarded_host import GuardedHost
from components.actuation.hint_journal import HintJournal
from components.actuation.journal import Journal
from components.executor.bundle_shelf import BundleShelf
from components.executor.commands import Commands, Switchboard
from components.executor.control import ControlServer
from components.executor.control_access import Access
from components.executor.device_correction import NodeCorrection
from components.executor.device_desk import DeviceDesk
from components.executor.follow import ReleaseFollower
from components.executor.inbox import Inbox
from components.executor.jobs_in_charge import JobsInCharge
from components.executor.loop import Executor
from components.executor.node_home import NodeHome
from components.executor.pacing import run_loop
from components.executor.ports import KeptEvents, NodePorts
from components.executor.readings import Readings
from components.executor.real_node import Roots, docker_node, process_node
from components.executor.service_manager import ServiceManager
from components.executor.state import StateStore
from components.jobs.live_overrides import LiveOverrides
from components.policy.default_bundle import default_bundle
from components.policy.limited_load import try_in_child
from components.releases.source import FolderSource, HttpSource
from components.releases.tried_source import TriedSource
from components.releases.verifying import ChildVerifier, SignedSource
from components.telemetry.power_order import DEFAULT_ORDER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from components.executor.ports import Publisher
    from components.executor.settings import ExecutorSettings
    from components.releases.source import ReleaseSource
    from components.settings.login import Login


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeOptions:
    """What the command line says of a node's process."""

    home: Path
    node: str
    host: str = "docker"
    """`docker`, `process`, `madeup:reference` or `madeup:devices`."""
    docker_socket: Path = Path("/var/run/docker.sock")
    processes: Path | None = None
    """Folder of declared processes; by default `HOME/processes`."""
    hub: str | None = None
    hub_login: Login | None = None
    """Asked for by the hub, and by the release log where that is read over HTTP."""
    releases: str | None = None
    """A URL, or a home with a release log on this machine."""
    jobs_file: Path | None = None
    """By default `HOME/node/jobs.toml`."""
    only_label: tuple[str, str] | None = None
    """Key and value of a label; containers without it are never looked at. None: all are."""
    seed: int = 0
    """Of the made-up node."""
    power: tuple[str, ...] = DEFAULT_ORDER
    """Meters in the order in which they are tried."""
    access: Access = field(default_factory=Access)
    """Who may ask on the control socket."""
    public_key: Path | None = None
    """Of who may say what this node runs; None: the log is not asked for signatures."""


def run_node(options: NodeOptions, settings: ExecutorSettings) -> bool:
    """Run an executor until SIGTERM or SIGINT; whether every original was put back.

    Raises:
        JoulepilotError: it cannot start, and why.
    """
    home = NodeHome(options.home)
    stopping = threading.Event()
    with (
        home.lock(),
        _events(options) as changed,
        closing(StateStore(home.state, writes_behind=True)) as store,
    ):
        ports = make_ports(options)
        journal = Journal(home.journal)
        overrides = LiveOverrides(home.overrides)
        in_charge = JobsInCharge(options.jobs_file or home.jobs_file, overrides, options.only_label)
        frequencies = freezes = None
        if ports.sysfs is not None:
            frequencies = Frequencies(ports.sysfs, home.frequencies)
            frequencies.restore_all()  # what an earlier process left behind
        if ports.freezer is not None:
            freezes = FreezeJournal(ports.freezer, home.frozen, in_charge.manages)
        ports = replace(
            ports,
            host=GuardedHost(
                ports.host,
                is_managed=in_charge.manages,
                allowed=ports.topology.ids,
                monotonic_s=ports.clock.monotonic_s,
            ),
            changed=changed,
        )
        follower = ReleaseFollower(
            ports.name,
            ports.identity.node_class,
            make_source(options, home),
            store,
            BundleShelf(home.bundles),
            shipped=default_bundle(),
            follow_s=settings.follow_s,
        )
        executor = Executor(
            ports,
            publisher=_publisher(options, home, ports),
            journal=journal,
            store=store,
            in_charge=in_charge,
            following=follower,
            settings=replace(settings, administrator_file=home.administrator_file),
            freezes=freezes,
            frequencies=frequencies,
            devices=DeviceDesk(
                ports,
                HintJournal(home.hints),
                NodeCorrection(home.tuning, ports.clock.now_s),
                foreign_hold_s=settings.foreign_hold_s,
            ),
        )
        inbox = Inbox()

        def stop(_signal: int, _frame: object) -> None:
            stopping.set()
            inbox.wake()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        control = ControlServer(
            home.socket, Readings(Switchboard(inbox, follower).do).do, options.access
        )
        manager = ServiceManager()
        try:
            follower.start()
            run_loop(executor, inbox, Commands(executor, overrides).do, stopping, manager)
        finally:
            manager.stopping()
            control.close()
            follower.close()
            report = executor.stop()
    return report.complete


@contextmanager
def _events(options: NodeOptions) -> Iterator[Callable[[], bool] | None]:
    """Hear whether containers come and go, where there is an engine that says so."""
    if options.host != "docker":
        yield None
        return
    events = EngineEvents(options.docker_socket)
    try:
        yield events.take
    finally:
        events.close()


def make_ports(options: NodeOptions) -> NodePorts:
    """Open the node that was asked for.

    Raises:
        JoulepilotError: there is none of that kind, or its facts cannot be read.
    """
    if options.host.startswith("madeup:"):
        # only who asks for one pays for its import
        from components.executor.madeup_ports import madeup_node

        return madeup_node(options.host, options.node, options.home, options.seed)
    roots = Roots(power=options.power, power_learned=NodeHome(options.home).power_learned)
    if options.host == "process":
        return process_node(options.node, options.processes or options.home / "processes", roots)
    return docker_node(options.node, options.docker_socket, roots)


def make_source(options: NodeOptions, home: NodeHome) -> ReleaseSource | None:
    """Where the release log is read; None: only the shipped policy decides.

    Raises:
        KeyFileError: the public key cannot be used.
    """
    if options.releases is None:
        return None
    source: ReleaseSource = FolderSource(Path(options.releases))
    if options.releases.startswith(("http://", "https://")):
        source = HttpSource(options.releases, home.bundles, login=options.hub_login)
    if options.public_key is not None:
        source = SignedSource(source, ChildVerifier(options.public_key))
    return TriedSource(source, try_in_child)


def _publisher(options: NodeOptions, home: NodeHome, ports: NodePorts) -> Publisher:
    if options.hub is None:
        return KeptEvents(most=100)
    from components.telemetry.otlp_out import EventPublisher

    resource = {"host.name": ports.name, "service.name": "joulepilot-node"}
    return EventPublisher(
        options.hub, buffer=home.buffer, resource=resource, login=options.hub_login
    )
