"""MLflow that goes away after any request, or whose answer to any request is lost."""

from __future__ import annotations

import http.client
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from components.policy.bundle import bundle_digest
from components.registry.errors import RegistryAwayError
from components.registry.facts import TrainingFacts
from components.registry.mlflow_registry import CHALLENGER, Registry
from components.releases.scores import CaseScore, Scores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from components.registry.facts import RegisteredVersion

pytestmark = pytest.mark.slow
POLICY = "core-allocator"
WORST = {False: "/registered-models/alias", True: "/model-versions/create"}
"""The request that hurts most where it is not done, and where its answer is lost."""
_KEPT = ("content-type", "authorization", "accept")


@dataclass
class Wire:
    """Passes requests on to a server until it is cut."""

    to: str
    cut_at: int | None = None
    """Which request of the API is the first to suffer; None: none is."""
    is_answer_lost: bool = False
    """Whether that request is done all the same, and only its answer is lost."""
    is_cut_for_good: bool = True
    seen: list[str] = field(default_factory=list)

    def is_cut(self, path: str) -> bool:
        if path == "/health":
            return False
        self.seen.append(path)
        number = len(self.seen)
        if self.cut_at is None:
            return False
        return number >= self.cut_at if self.is_cut_for_good else number == self.cut_at

    def is_first_cut(self) -> bool:
        return len(self.seen) == self.cut_at


@pytest.fixture
def wire(mlflow_url: str) -> Iterator[tuple[Wire, str]]:
    wire = Wire(mlflow_url)

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            size = int(self.headers.get("content-length") or 0)
            body = self.rfile.read(size) if size else None
            is_cut = wire.is_cut(self.path.split("?")[0])
            if is_cut and not (wire.is_answer_lost and wire.is_first_cut()):
                self.close_connection = True
                return
            server = http.client.HTTPConnection(urlsplit(wire.to).netloc, timeout=20)
            headers = {k: v for k, v in self.headers.items() if k.lower() in _KEPT}
            server.request(self.command, self.path, body, headers)
            answer = server.getresponse()
            content = answer.read()
            server.close()
            if is_cut:
                self.close_connection = True
                return
            self.send_response(answer.status)
            self.send_header("content-type", answer.headers.get_content_type())
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815  # its names

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield wire, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def facts_of(bundle: Path) -> TrainingFacts:
    scores = Scores("c", "e" * 64, (CaseScore("a", 0.01, False, 5, 1, 200.0),))
    return TrainingFacts(
        name=bundle.name,
        evaluation_set="e" * 64,
        git_commit="c0ffee",
        params={"seed": 1},
        scores={"challenger": scores},
        bundle_digest=bundle_digest(bundle),
    )


def train(url: str, bundle: Path) -> RegisteredVersion:
    registry = Registry(url)
    return registry.register(bundle, registry.log_training(facts_of(bundle)))


def train_again_until_it_is_done(wire: Wire, url: str, bundle: Path) -> None:
    try:
        train(url, bundle)
    except RegistryAwayError:
        wire.cut_at = None
        train(url, bundle)


def require_whole(url: str, bundle: Path, when: str) -> None:
    """One version, one finished run, nothing half; and it is the challenger."""
    from mlflow import MlflowClient

    digest = bundle_digest(bundle)
    same = [version for version in Registry(url).versions() if version.digest == digest]
    assert len(same) == 1, when
    assert CHALLENGER in same[0].aliases, when
    client = MlflowClient(url)
    experiment = client.get_experiment_by_name(POLICY)
    assert experiment is not None
    asked = f"attributes.run_name = '{bundle.name}'"
    runs = client.search_runs([experiment.experiment_id], asked)
    states = sorted(run.info.status for run in runs)
    assert states.count("FINISHED") == 1, (when, states)
    assert "RUNNING" not in states, (when, states)
    assert same[0].run_id in {r.info.run_id for r in runs if r.info.status == "FINISHED"}, when
    uploads = client.search_logged_models([experiment.experiment_id], f"tags.digest = '{digest}'")
    assert [str(model.status) for model in uploads] == ["READY"], when


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    ("is_answer_lost", "is_cut_for_good"), [(False, True), (True, True), (True, False)]
)
def test_wherever_mlflow_goes_away_asking_again_leaves_one_whole_version(
    wire: tuple[Wire, str],
    mlflow_url: str,
    make_bundle: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    is_answer_lost: bool,
    is_cut_for_good: bool,
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0")
    between, url = wire
    name = f"cut-{is_answer_lost}-{is_cut_for_good}"
    train(url, make_bundle(f"{name}-never"))
    paths = list(between.seen)
    at_length = bool(request.config.getoption("--faults", default=False))
    numbers = range(1, len(paths) + 1) if at_length else [last(paths, WORST[is_answer_lost])]
    between.is_answer_lost, between.is_cut_for_good = is_answer_lost, is_cut_for_good
    for number in numbers:
        bundle = make_bundle(f"{name}-{number}")
        between.cut_at, between.seen[:] = number, []
        train_again_until_it_is_done(between, url, bundle)
        require_whole(mlflow_url, bundle, f"cut at request {number}: {paths[number - 1]}")


def last(paths: list[str], end: str) -> int:
    """Number of the last request to such a path, from 1."""
    return max(number for number, path in enumerate(paths, start=1) if path.endswith(end))
