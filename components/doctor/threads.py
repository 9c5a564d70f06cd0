"""Thread pools of servers: larger than the CPUs, pinned, or spinning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.doctor.finding import Finding, advice, ok, problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from components.doctor.process import ProcessFacts

_SETS_POOL = (
    "ORT_INTRA_OP_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
)  # fmt: skip


def check_threads(job: str, process: ProcessFacts, n_cpus: int) -> Iterator[Finding]:
    """Look at one process of a job that has `n_cpus` now."""
    found = [
        *_pools(job, process, n_cpus),
        *_pinned(job, process, n_cpus),
        *_onnxruntime(job, process, n_cpus),
        *_openmp(job, process),
    ]
    yield from found
    if not found:
        n_threads = len(process.thread_cpus)
        yield ok(job, f"{process.program} ({process.pid}) has {n_threads} threads on {n_cpus} CPUs")


def _pools(job: str, process: ProcessFacts, n_cpus: int) -> Iterator[Finding]:
    for variable in _SETS_POOL:
        n_threads = process.number(variable)
        if n_threads is not None and n_threads > n_cpus:
            yield problem(
                job,
                f"{variable}={n_threads}, and it has {n_cpus} CPUs: threads of the pool wait for "
                "each other in every operator",
                f"set {variable} to the CPUs it is to have, or below; pools do not follow a cpuset",
            )


def _pinned(job: str, process: ProcessFacts, n_cpus: int) -> Iterator[Finding]:
    if n_cpus > 1 and process.n_pinned:
        yield problem(
            job,
            f"{process.n_pinned} of {len(process.thread_cpus)} threads pinned themselves to one "
            "CPU each, as ONNX Runtime's default threads do",
            "set ORT_INTRA_OP_NUM_THREADS (or intra_op_num_threads): threads that pin themselves "
            "do not follow a cpuset",
        )


def _onnxruntime(job: str, process: ProcessFacts, n_cpus: int) -> Iterator[Finding]:
    """On one CPU pinned threads cannot be told from others; on more, `_pinned` sees them."""
    is_set = process.number("ORT_INTRA_OP_NUM_THREADS") is not None
    if n_cpus == 1 and "onnxruntime" in process.libraries and not is_set:
        yield advice(
            job,
            "it runs ONNX Runtime and ORT_INTRA_OP_NUM_THREADS is not set: unless the program "
            "sets intra_op_num_threads, the pool has a spinning thread per core of the host",
            "set it in the program or by ORT_INTRA_OP_NUM_THREADS, and "
            "session.intra_op.allow_spinning=0",
        )


def _openmp(job: str, process: ProcessFacts) -> Iterator[Finding]:
    uses = process.libraries & {"OpenMP", "PyTorch"}
    policy = process.environment.get("OMP_WAIT_POLICY", "").upper()
    if uses and policy != "PASSIVE":
        yield advice(
            job,
            f"it runs {' and '.join(sorted(uses))} with OMP_WAIT_POLICY={policy or 'unset'}: "
            "waiting threads spin, up to 3.8 times the CPU time on a narrowed set",
            "start it with OMP_WAIT_POLICY=PASSIVE",
        )
