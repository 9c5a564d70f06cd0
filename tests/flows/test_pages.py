"""What people do in Prefect's pages, in a real browser, and the states their runs end in."""

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from components.policy.default_bundle import default_bundle
from components.registry.facts import TrainingFacts
from components.registry.mlflow_registry import Registry
from components.releases.canary import canary_in_force
from components.releases.log import ReleaseLog
from components.releases.operations import seed
from components.settings.settings import REQUIRED, Settings
from flows.demo.damage import send_damaged_samples
from flows.environment import service_environment
from flows.services import Services, free_port
from flows.stack import schedules, servers

if TYPE_CHECKING:
    from playwright.sync_api import Page

END_OF_A_RETRAINING = """
from components.settings.settings import resolve
from flows import approval_run
from flows.canaries import roll_out
from flows.ending import Wanted, conclude
from flows.releasing import find_version
from flows.verdicts import kept_verdict

settings = resolve({}).settings
version = find_version(settings, "1")
verdict = kept_verdict(settings.home, version.digest)
wanted = Wanted("all", "flows", "less regret", {})
ports = {"ask": approval_run.start, "roll_out": roll_out}
print(conclude(settings, version, verdict, wanted, **ports).name)
"""
OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"
WAIT_MS = 90_000
APPROVALS = {"flows": {"name": {"any_": ["approval"]}}}


@pytest.fixture
def settings(tmp_path: Path, hub_with_nodes: Callable[..., int]) -> Iterator[Settings]:
    hub_port = hub_with_nodes("n1", home=tmp_path, is_alive=True)
    settings = Settings(
        home=tmp_path, hub_port=hub_port, prefect_port=free_port(), mlflow_port=free_port()
    )
    seed(settings.home, default_bundle())
    with Services(tmp_path / "logs") as services:
        services.start_all([s for s in servers(settings) if s.name in {"prefect", "mlflow"}])
        services.start_all([schedules(settings)])
        yield settings


@pytest.fixture
def page(settings: Settings) -> "Iterator[Page]":
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", OFFLINE]
        )
        page = browser.new_page()
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        yield page
        browser.close()
    assert problems == []


@pytest.fixture
def challenger(settings: Settings, make_challenger: Callable[..., Any]) -> str:
    """Digest of a version that passed the gate and waits."""
    made = make_challenger(settings.home)
    registry = Registry(settings.mlflow_url)
    facts = TrainingFacts(name="a training", evaluation_set="0" * 64, git_commit="unknown")
    registry.register(made.bundle, registry.log_training(facts))
    return str(made.digest)


def ask(settings: Settings, path: str, body: dict[str, Any] | None = None) -> Any:
    request = urllib.request.Request(
        settings.prefect_api_url + path,
        data=None if body is None else json.dumps(body).encode(),
        headers={"content-type": "application/json"},
    )
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:  # Prefect's word for "busy, ask again"
            if error.code != HTTPStatus.SERVICE_UNAVAILABLE or time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def start(settings: Settings, deployment: str, **parameters: Any) -> str:
    found = ask(settings, f"/deployments/name/{deployment}")["id"]
    path = f"/deployments/{found}/create_flow_run"
    return str(ask(settings, path, {"parameters": parameters})["id"])


def end_a_retraining(settings: Settings) -> str:
    """Have a challenger that passed the gate released where a person has to approve; the state."""
    return subprocess.run(
        [sys.executable, "-c", END_OF_A_RETRAINING],
        env=os.environ | service_environment(replace(settings, approval=REQUIRED)),
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def wait_for(settings: Settings, run: str, names: set[str]) -> str:
    deadline = time.monotonic() + 120
    while True:
        state = ask(settings, f"/flow_runs/{run}")["state"]
        if state["name"] in names:
            return str(state["name"])
        assert state["type"] not in {"FAILED", "CRASHED", "COMPLETED"}, state
        assert time.monotonic() < deadline, state
        time.sleep(0.5)


def url(settings: Settings, path: str) -> str:
    return settings.prefect_api_url.removesuffix("/api") + path


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.timeout(600)
def test_a_form_approves_a_version_another_rolls_it_back_and_one_tries_it_on_a_node(
    settings: Settings, page: "Page", challenger: str
) -> None:
    assert end_a_retraining(settings) == "Waiting for approval"
    [run] = [str(found["id"]) for found in ask(settings, "/flow_runs/filter", APPROVALS)]
    wait_for(settings, run, {"Suspended"})
    assert len(ReleaseLog(settings.home / "releases").entries()) == 1

    page.goto(url(settings, f"/runs/flow-run/{run}"), wait_until="commit", timeout=WAIT_MS)
    page.get_by_role("button", name="Resume").first.click(timeout=WAIT_MS)
    form = page.get_by_role("dialog")
    form.locator(".p-select").first.click()
    page.keyboard.press("ArrowDown")
    page.locator(".p-select-option").filter(has_text="approve").first.click()
    for field, text in enumerate(("ann", "looks right")):
        form.locator("textarea").nth(field).fill(text)
    form.get_by_role("button", name="Submit").click()
    wait_for(settings, run, {"Promoted"})
    promoted = ReleaseLog(settings.home / "releases").entries()[-1]
    assert (promoted.who, promoted.why) == ("ann", "looks right")
    assert promoted.desired.digest_for("any") == challenger

    page.get_by_text("Artifacts").first.click()
    for artifact in ("gate", "release"):
        page.get_by_text(artifact, exact=True).first.wait_for(timeout=WAIT_MS)

    back = ask(settings, "/deployments/name/rollback/by-hand")["id"]
    page.goto(url(settings, f"/deployments/deployment/{back}/run"), wait_until="commit")
    page.locator("textarea").first.fill("it misses its target", timeout=WAIT_MS)
    page.get_by_role("button", name="Submit").click()
    deadline = time.monotonic() + 120
    while len(ReleaseLog(settings.home / "releases").entries()) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    last = ReleaseLog(settings.home / "releases").entries()[-1]
    assert (str(last.kind), last.why) == ("rollback", "it misses its target")

    tried = {"version": "1", "why": "once more, with care", "rollout": "canary"}
    send_damaged_samples(settings.hub_url, settings.home / "damaged")
    runs = {
        "Canary started": start(settings, "promote/by-hand", promotion=tried),
        "Bad data": start(settings, "pipeline/nightly"),
    }
    for name, started in runs.items():
        assert wait_for(settings, started, {name}) == name
    canary = canary_in_force(ReleaseLog(settings.home / "releases").entries())
    assert canary is not None
    assert (canary.digest, canary.nodes, canary.then) == (challenger, ("n1",), ("all",))
