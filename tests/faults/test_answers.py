"""A Docker engine whose answers are wrong in every way: a real unix socket, and no engine."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager

import pytest

from components.actuation.docker_host import DockerHost
from components.actuation.errors import ContainerGoneError, HostAwayError, RefusedError
from components.errors import JoulepilotError
from components.node.cpuset import format_cpu_list, parse_cpu_list

CONTAINER = "ab" * 32
PID = 77
REFUSALS = [400, 401, 403, 404, 406, 409, 411, 413, 415, 422, 429, 500, 501, 502, 503, 504]


class Engine:
    """One container; `reply` says what an update is answered with: bytes, or what it should do."""

    def __init__(self, root):
        self.root = root
        self.cpuset = "0-3"
        self.reply = None
        self.n_updates = 0
        cgroup = root / "cgroup/docker" / CONTAINER
        self.effective = cgroup / "cpuset.cpus.effective"
        self.parent = cgroup.parent / "cpuset.cpus.effective"
        _write(root / "sys/devices/system/cpu/online", "0-3")
        _write(self.parent, "0-3")
        _write(self.effective, "0-3")
        _write(root / f"proc/{PID}/cgroup", f"0::/docker/{CONTAINER}")

    def answer(self, path, body):
        if path == "/_ping":
            return _http(200, "OK")
        if path.endswith("/update"):
            self.n_updates += 1
            if callable(self.reply):
                return self.reply(body)
            if self.reply is not None:
                return self.reply
            self.change(body)
            return _http(200, {"Warnings": None})
        state = {"Running": True, "Pid": PID}
        inspected = {"Id": CONTAINER, "State": state, "HostConfig": {"CpusetCpus": self.cpuset}}
        return _http(200, inspected)

    def change(self, body):
        self.cpuset = body["CpusetCpus"]
        _write(self.effective, format_cpu_list(parse_cpu_list(self.cpuset)))


@contextmanager
def serving(engine):
    """Answer on a socket, one connection after the other."""
    path = engine.root / "s"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    ended = threading.Event()

    def serve():
        while not ended.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as file:
                while _serve_one(engine, connection, file):
                    pass

    thread = threading.Thread(target=serve)
    thread.start()
    host = DockerHost(
        path,
        proc=engine.root / "proc",
        sysfs=engine.root / "sys",
        cgroup=engine.root / "cgroup",
        timeout_s=1.0,
    )
    try:
        yield host
    finally:
        ended.set()
        host.close()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


def _serve_one(engine, connection, file):
    line = file.readline().split()
    if len(line) < 2:
        return False
    length = 0
    while (header := file.readline()) not in (b"\r\n", b""):
        name, _, value = header.partition(b":")
        length = int(value) if name.lower() == b"content-length" else length
    body = json.loads(file.read(length)) if length else None
    answer = engine.answer(line[1].decode(), body)
    if answer is None:
        return False
    try:
        connection.sendall(answer)
    except OSError:
        return False
    return b"Connection: close" not in answer


def _http(status, document, *, length=None, close=False):
    data = json.dumps(document).encode()
    head = [
        f"HTTP/1.1 {status} X",
        "Api-Version: 1.41",
        f"Content-Length: {len(data) if length is None else length}",
        *(["Connection: close"] if close else []),
    ]
    return "\r\n".join([*head, "", ""]).encode() + data


def _write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")


@pytest.fixture
def engine(tmp_path):
    return Engine(tmp_path)


@pytest.mark.parametrize("status", REFUSALS)
def test_every_refusal_is_one_of_our_errors_and_nothing_is_believed(engine, status):
    engine.reply = _http(status, {"message": f"no, {status}"})

    with serving(engine) as host:
        with pytest.raises(JoulepilotError, match=str(status)) as raised:
            host.apply(CONTAINER, frozenset({1}))
        engine.reply = None

        assert host.effective_cpus(CONTAINER) == frozenset(range(4))
        assert host.apply(CONTAINER, frozenset({1})) == frozenset({1})
    expected = ContainerGoneError if status == 404 else RefusedError if status < 500 else None
    assert expected is None or isinstance(raised.value, expected)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 X\r\nContent-Le",
        _http(200, {"Warnings": None}, length=500, close=True),
        b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nffff\r\n{",
        b"SSH-2.0-OpenSSH\r\nConnection: close\r\n",
        b"HTTP/1.1 200 X\r\nContent-Length: -4\r\nConnection: close\r\n\r\n",
    ],
    ids=["nothing", "half a head", "half a body", "half a chunk", "no HTTP", "length below 0"],
)
def test_an_answer_that_breaks_off_is_an_engine_that_is_away(engine, answer):
    def broken(_body):
        return answer + b"" if b"Connection: close" in answer else _closing(answer)

    engine.reply = broken

    with serving(engine) as host:
        try:
            cpus = host.apply(CONTAINER, frozenset({1}))
        except JoulepilotError:
            cpus = None
        engine.reply = None

        assert cpus is None or cpus == host.effective_cpus(CONTAINER)
        assert host.apply(CONTAINER, frozenset({2})) == frozenset({2})


def test_a_time_out_after_the_change_was_made_is_seen_by_reading_back(engine):
    def late(body):
        engine.change(body)  # made, and never answered

    engine.reply = late

    with serving(engine) as host:
        with pytest.raises(HostAwayError):
            host.apply(CONTAINER, frozenset({1}))
        engine.reply = None
        n_updates = engine.n_updates

        assert host.effective_cpus(CONTAINER) == frozenset({1})
        assert host.apply(CONTAINER, frozenset({1})) == frozenset({1})
        assert engine.n_updates == n_updates  # what is so already is not asked for again


def test_a_parent_set_that_shrinks_bounds_what_may_be_asked(engine):
    with serving(engine) as host:
        assert host.apply(CONTAINER, frozenset({0, 3})) == frozenset({0, 3})
        _write(engine.parent, "0-1")
        _write(engine.effective, "0")  # the kernel leaves what both have

        assert host.effective_cpus(CONTAINER) == frozenset({0})
        with pytest.raises(RefusedError, match="not available"):
            host.apply(CONTAINER, frozenset({3}))
        assert host.apply(CONTAINER, frozenset({1})) == frozenset({1})


def _closing(answer):
    return answer.replace(b"\r\n", b"\r\nConnection: close\r\n", 1) if answer else None
