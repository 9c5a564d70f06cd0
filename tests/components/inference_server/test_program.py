"""The server and the load generator as the programs people start."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from pathlib import Path

import pytest


@contextmanager
def _program(*arguments):
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


@contextmanager
def _serving(mlp, *arguments):
    with _program(
        "components.inference_server", "--model", str(mlp), "--port", "0", *arguments
    ) as process:
        line = process.stdout.readline()
        match = re.fullmatch(r"serving mlp-small on (http://127\.0\.0\.1:(\d+))\n", line)
        assert match, line or process.stderr.read()
        yield process, match[1], int(match[2])


def _get(port, path):
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request("GET", path)
        return connection.getresponse().read().decode()


def _threads(port):
    page = _get(port, "/metrics")
    return int(re.search(r"^joulepilot_server_threads (\d+)$", page, re.MULTILINE)[1])


def _wait_until(claim, timeout_s=20.0):
    deadline = time.monotonic() + timeout_s
    while not claim():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopped_under_load_it_answers_what_waits_and_exits_with_zero(mlp, number):
    with (
        _serving(mlp, "--batch-size", "32") as (process, url, port),
        _program("components.inference_server.load", url, "--rate", "150") as load,
    ):
        _wait_until(lambda: "_seconds_count 0\n" not in _get(port, "/metrics"))
        process.send_signal(number)
        _, errors = process.communicate(timeout=20)
        assert process.returncode == 0, errors
        assert "Traceback" not in errors
        load.send_signal(signal.SIGTERM)
        report = json.loads(load.communicate(timeout=20)[0])
        assert load.returncode == 0
    lost = report["failed"] - report["statuses"].get("503", 0)
    assert report["answered"] > 0
    assert lost <= 2  # sent at the very moment the connection was closed


def test_its_threads_follow_the_affinity_of_the_process(mlp):
    cpus = sorted(os.sched_getaffinity(0))
    with _serving(mlp) as (process, _, port):
        assert _threads(port) == len(cpus)
        for task in Path(f"/proc/{process.pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), {cpus[0]})
        _wait_until(lambda: _threads(port) == 1)
        _wait_until(lambda: f'cpuset="{cpus[0]}"' in _get(port, "/metrics"))


def test_load_on_a_busy_port_and_missing_network_end_with_one_line_and_one(mlp, tmp_path):
    with _serving(mlp) as (_, _, port):
        for arguments, found in (
            (("--model", str(mlp), "--port", str(port)), "the port is in use"),
            (("--model", str(tmp_path / "no.onnx"), "--port", "0"), "there is no such file"),
        ):
            with _program("components.inference_server", *arguments) as process:
                _, errors = process.communicate(timeout=20)
            assert process.returncode == 1
            assert found in errors
            assert len(errors.splitlines()) == 1


def test_a_load_that_nobody_answers_fails_and_still_reports():
    arguments = ("http://127.0.0.1:9", "--rate", "200", "--seconds", "0.2")
    with _program("components.inference_server.load", *arguments) as load:
        output, _ = load.communicate(timeout=20)
    assert load.returncode == 1
    report = json.loads(output)
    assert report["due"] == report["could_not_send"] > 0


def test_a_senseless_load_is_refused_with_one_line():
    for arguments in (("http://h", "--rate", "-1"), ("ftp://h", "--rate", "1")):
        with _program("components.inference_server.load", *arguments) as load:
            _, errors = load.communicate(timeout=20)
        assert load.returncode == 1
        assert errors.startswith("error: asked ")


def test_the_load_generator_imports_neither_numpy_nor_onnx_runtime():
    program = (
        "import sys, components.inference_server.load\n"
        "print(sorted({'numpy', 'onnxruntime', 'onnx', 'http.client'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_serving_imports_neither_onnx_nor_the_telemetry_sdk_unless_asked():
    program = (
        "import sys, components.inference_server.__main__\n"
        "print(sorted(set(map(lambda n: n.split('.')[0], sys.modules)) & "
        "{'onnx', 'onnxruntime', 'opentelemetry'}), len(__import__('threading').enumerate()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[] 1\n"


def test_a_load_generator_costs_little_processor_time(mlp):
    with _serving(mlp) as (_, url, _):
        children = os.times().children_user + os.times().children_system
        arguments = (url, "--rate", "200", "--seconds", "2")
        with _program("components.inference_server.load", *arguments) as load:
            output, _ = load.communicate(timeout=20)
        spent_s = os.times().children_user + os.times().children_system - children
    report = json.loads(output)
    assert report["answered"] > 200
    assert spent_s / report["due"] < 0.002
