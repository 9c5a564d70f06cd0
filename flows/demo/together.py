"""Three containers under a joint plan on this machine: `python -m flows.demo.together`.

Who comes first has a CPU of its own; another priority gives it to another job; a power cap (power
is modelled where no counter is) makes them share; at the end each has what it had. Everything told
was read from the containers' cgroups.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from components.errors import JoulepilotError
from components.inference_server.networks import write_network
from components.node.cpuset import parse_cpu_list
from flows.demo.containers import Containers, why_not_docker
from flows.demo.jobs import DemoJob, seconds_per_image
from flows.demo.load import Load
from flows.demo.narrator import Narrator
from flows.errors import DemoError
from flows.services import Service, Services, interrupt_on_sigterm

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from components.node.cpuset import CpuSet

STAGE = "joulepilot-together"
NODE = (sys.executable, "-m", "components.executor")
NETWORK = "mobilenet"
USE = 0.35
"""Of a CPU, by each job: three do not fit on one."""
SLACK = 3.5
"""Target over the time of one image alone: enough beside one other job, not beside two."""
PATIENCE_S = 420.0


def main() -> int:
    """Tell the story; 0 only when every part of it was seen."""
    interrupt_on_sigterm()
    narrator = Narrator(lambda line: print(line, flush=True))  # noqa: T201 - the story
    try:
        why_not = why_not_docker()
        if why_not is not None:
            raise DemoError("asked for three containers", why_not, "run make install")
        home = Path(tempfile.mkdtemp(prefix="joulepilot-together-"))
        with Services(home / "logs") as services:
            Together(home, services, Containers(STAGE), narrator).tell()
        shutil.rmtree(home)  # what failed stays to be looked at
    except JoulepilotError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


class Together:
    """The story and its stage."""

    def __init__(
        self, home: Path, services: Services, containers: Containers, narrator: Narrator
    ) -> None:
        self._home = home
        self._services = services
        self._containers = containers
        self._narrator = narrator
        self._jobs = three_jobs(home / "networks")

    def tell(self) -> None:
        """Tell it from the first container to the last.

        Raises:
            ServiceError: something did not start.
            DemoError: something was not seen.
        """
        try:
            self._start()
            self._priority()
            self._cap()
            self._end()
        finally:
            self._containers.close()

    def _start(self) -> None:
        self._narrator.heading("a", "three containers, each on all CPUs, under load")
        for job in self._jobs:
            Load(self._services, self._home, job, self._containers.start(job))
        self._show()
        words = ["--home", str(self._home), "--host", "docker", "--only-label", f"{STAGE}=true"]
        words += ["--plan-jointly", "--window-s", "3", "--min-requests", "10", "--settle-s", "0.5"]
        words += ["--tick-s", "0.5", "--holdback", "0"]
        self._services.start(Service("executor", [*NODE, "run", *words], lambda: True))
        self._narrator.heading("b", "a joint plan: who comes first has CPUs of its own")
        self._see(lambda: self._is_alone("together-a"), "together-a to have CPUs of its own")

    def _priority(self) -> None:
        self._narrator.heading("c", "joulepilot-node manage together-c --priority 9")
        self._ask("manage", "together-c", "--priority", "9")
        self._see(lambda: self._is_alone("together-c"), "together-c to have CPUs of its own")

    def _cap(self) -> None:
        self._narrator.heading("d", "an administrator's power cap far below what they draw")
        before = self._cpus()
        self._narrator.fact(self._ask("status").splitlines()[0])
        file = self._home / "node/administrator.toml"
        file.write_text("power-cap-w = 1.0\n", encoding="utf-8")
        self._see(lambda: len(self._in_use()) < len(_union(before)), "fewer CPUs in use")
        for line in self._ask("status").splitlines():
            self._narrator.fact(line)
        file.unlink()
        self._narrator.heading("e", "the cap is lifted")
        self._see(lambda: self._is_alone("together-c"), "together-c to have CPUs of its own")

    def _end(self) -> None:
        self._narrator.heading("f", "the executor ends: each container has what it had")
        code = self._services.stop("executor")
        self._show()
        if code or any(len(cpus) < 2 for cpus in self._cpus().values()):
            raise DemoError("asked for the original CPUs", f"exit code {code}", "see its log")

    def _cpus(self) -> dict[str, CpuSet]:
        return {job.name: parse_cpu_list(self._containers.cpus(job)) for job in self._jobs}

    def _in_use(self) -> CpuSet:
        return _union(self._cpus())

    def _is_alone(self, name: str) -> bool:
        return is_alone(self._cpus(), name)

    def _see(self, is_so: Callable[[], bool], what: str) -> None:
        """Wait until something is so, and show what is."""
        begin_s = time.monotonic()
        while not is_so():
            self._services.require_alive()
            if time.monotonic() - begin_s > PATIENCE_S:
                said = self._ask("status")
                raise DemoError(f"waited {PATIENCE_S:.0f} s for {what}", said, "see the status")
            time.sleep(0.5)
        self._narrator.fact(f"seen after {time.monotonic() - begin_s:.0f} s")
        self._show()

    def _show(self) -> None:
        rows = [(job.name, self._containers.cpus(job)) for job in self._jobs]
        self._narrator.table(("container", "CPUs by its cgroup"), rows)

    def _ask(self, *words: str) -> str:
        asked = [*NODE, *words, "--home", str(self._home)]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
        return done.stdout.strip() or done.stderr.strip()


def is_alone(cpus: Mapping[str, CpuSet], name: str) -> bool:
    """Whether a job has CPUs that no other has, and the others share theirs."""
    others = {job: held for job, held in cpus.items() if job != name}
    shared = _union(others)
    return not cpus[name] & shared and len(shared) < sum(map(len, others.values()))


def three_jobs(networks: Path) -> tuple[DemoJob, ...]:
    """Fit three jobs to this machine; the first comes first."""
    networks.mkdir(parents=True, exist_ok=True)
    write_network(NETWORK, networks / f"{NETWORK}.onnx")
    seconds = seconds_per_image(networks / f"{NETWORK}.onnx")
    rate_per_s = round(USE / seconds, 1)
    target_ms = round(SLACK * 1e3 * seconds, 1)
    return tuple(
        DemoJob(
            name=f"together-{letter}",
            network=NETWORK,
            target_ms=target_ms,
            rate_per_s=rate_per_s,
            busy_rate_per_s=rate_per_s,
            mode="auto",
            priority=priority,
            stage=STAGE,
        )
        for letter, priority in (("a", 3), ("b", 2), ("c", 1))
    )


def _union(cpus: Mapping[str, CpuSet]) -> CpuSet:
    return frozenset().union(*cpus.values())


if __name__ == "__main__":
    sys.exit(main())
