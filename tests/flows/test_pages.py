"""What people do in Prefect's pages, in a real browser: approve by a form, roll back by a form."""

import json
import shutil
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from components.policy.default_bundle import default_bundle
from components.registry.facts import TrainingFacts
from components.registry.mlflow_registry import Registry
from components.releases.log import ReleaseLog
from components.releases.operations import seed
from components.releases.source import BUNDLES
from components.releases.store import BundleStore
from components.releases.verdict import RuleResult, Verdict
from components.settings.settings import Settings
from flows.services import Services, free_port
from flows.stack import schedules, servers
from flows.verdicts import keep_verdict

if TYPE_CHECKING:
    from playwright.sync_api import Page

OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"
WAIT_MS = 90_000


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    settings = Settings(
        home=tmp_path, hub_port=free_port(), prefect_port=free_port(), mlflow_port=free_port()
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
def challenger(settings: Settings, tmp_path: Path) -> str:
    """Digest of a version that passed the gate and waits."""
    folder = tmp_path / "challenger"
    shutil.copytree(default_bundle(), folder)
    manifest = folder / "bundle.json"
    manifest.write_text(manifest.read_text().replace('"allocator"', '"challenger"'))
    digest = BundleStore(settings.home / BUNDLES).add(folder)
    registry = Registry(settings.mlflow_url)
    facts = TrainingFacts(name="a training", evaluation_set="0" * 64, git_commit="unknown")
    registry.register(folder, registry.log_training(facts))
    rule = RuleResult("regret", True, "-0.5 %", "at most +0.1 %", "Found by a test.")
    keep_verdict(settings.home, Verdict.of(digest, (rule,)))
    return digest


def ask(settings: Settings, path: str, body: dict[str, Any] | None = None) -> Any:
    request = urllib.request.Request(
        settings.prefect_api_url + path,
        data=None if body is None else json.dumps(body).encode(),
        headers={"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)


def wait_for(settings: Settings, run: str, names: set[str]) -> str:
    deadline = time.monotonic() + 120
    while True:
        state = ask(settings, f"/flow_runs/{run}")["state"]
        if state["name"] in names:
            return str(state["name"])
        assert state["type"] not in {"FAILED", "CRASHED"}, state
        assert time.monotonic() < deadline, state
        time.sleep(0.5)


def url(settings: Settings, path: str) -> str:
    return settings.prefect_api_url.removesuffix("/api") + path


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.timeout(600)
def test_a_form_approves_a_version_and_another_rolls_it_back(
    settings: Settings, page: "Page", challenger: str
) -> None:
    deployment = ask(settings, "/deployments/name/approval/by-hand")["id"]
    parameters = {"request": {"version": "1", "why": "less regret"}}
    run = ask(settings, f"/deployments/{deployment}/create_flow_run", {"parameters": parameters})
    wait_for(settings, run["id"], {"Suspended"})
    assert len(ReleaseLog(settings.home / "releases").entries()) == 1

    page.goto(url(settings, f"/runs/flow-run/{run['id']}"), wait_until="commit", timeout=WAIT_MS)
    page.get_by_role("button", name="Resume").first.click(timeout=WAIT_MS)
    form = page.get_by_role("dialog")
    form.locator(".p-select").first.click()
    page.keyboard.press("ArrowDown")
    page.locator(".p-select-option").filter(has_text="approve").first.click()
    for field, text in enumerate(("ann", "looks right")):
        form.locator("textarea").nth(field).fill(text)
    form.get_by_role("button", name="Submit").click()
    wait_for(settings, run["id"], {"Promoted"})
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
