"""A made-up fleet of 20 nodes on the status page, in a real browser without the internet."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from components.node.topology import grid_topology
from components.node.topology_text import topology_text
from components.telemetry.events import Event, heartbeat_attributes
from components.telemetry.heartbeat import ExperimentStatus
from components.telemetry.otlp_protobuf import record_of, request_of
from components.telemetry.sample import HEARTBEAT_EVENT

if TYPE_CHECKING:
    from components.hub.server import HubServer
    from components.telemetry.heartbeat import Heartbeat
    from tests.components.hub.conftest import Client

N_NODES = 20
OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"


def fleet(heartbeat: Heartbeat) -> list[Heartbeat]:
    """Nodes of two sockets, each with three jobs; one of them in a canary."""
    topology = grid_topology(sockets=2, l3_per_socket=4, cores_per_l3=8, threads_per_core=2)
    job = heartbeat.jobs[0]
    jobs = (
        replace(job, name="resnet", cpuset="0-24", n_cpus=25),
        replace(job, name="bert", cpuset="32-39,96-103", n_cpus=16, layout="smt"),
        replace(job, name="ranker", cpuset="24-31", n_cpus=8, latency_ms=None),
    )
    canary = ExperimentStatus(
        kind="canary",
        digest="c" * 64,
        state="running",
        n_pairs=12,
        energy_ratio=1.02,
        reason="joules per image +2.0%",
    )
    return [
        replace(
            heartbeat,
            node=f"node-{number:02d}",
            topology=topology_text(topology),
            jobs=jobs,
            experiment=canary if number == 3 else None,
        )
        for number in range(N_NODES)
    ]


@pytest.mark.browser
@pytest.mark.timeout(300)
def test_twenty_nodes_are_shown_with_their_allocations_drawn(
    hub: HubServer, client: Client, heartbeat: Heartbeat
) -> None:
    from playwright.sync_api import expect, sync_playwright

    events = [Event(HEARTBEAT_EVENT, heartbeat_attributes(beat)) for beat in fleet(heartbeat)]
    assert client.post(request_of([record_of(event) for event in events], {})).status == 200
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", OFFLINE]
        )
        page = browser.new_page(viewport={"width": 1300, "height": 900})
        problems: list[str] = []
        asked: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"http://127.0.0.1:{hub.port}/", timeout=60_000)
        expect(page.locator("section.node")).to_have_count(N_NODES)
        expect(page.get_by_text("20 of 20")).to_be_visible()
        first = page.locator("section.node").first
        expect(first.locator(".map i")).to_have_count(128)
        expect(first.locator(".map i.j0")).to_have_count(24)
        expect(first.locator(".map i.many")).to_have_count(1)
        expect(page.get_by_text("joules per image +2.0%")).to_be_visible()
        browser.close()
    assert problems == []
    assert {url.split("/")[2] for url in asked} == {f"127.0.0.1:{hub.port}"}
