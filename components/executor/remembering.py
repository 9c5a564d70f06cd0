"""What a job proved is kept over restarts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.executor.job_proofs import JobProofs, fingerprint_of
from components.executor.node_state import LastGood

if TYPE_CHECKING:
    from components.executor.job_run import JobRun
    from components.executor.loop import Executor


def remember(executor: Executor, run: JobRun) -> None:
    """Keep a job's last good allocation and its proofs, where they changed."""
    state, decision = executor.store.state, run.decision
    good, known = decision.best, state.last_good.get(run.name)
    if good is not None and (known is None or known.allocation != good):
        kept = LastGood(
            good,
            run.job.target.latency_ms,
            run.container.image_digest,
            executor.ports.clock.now_s(),
        )
        executor.store.note(last_good={**state.last_good, run.name: kept})
    if decision.has_new_proof:
        decision.has_new_proof = False
        node = executor.fingerprint.identity.fingerprint
        fingerprint = fingerprint_of(node, run.container, run.job)
        proofs = JobProofs(fingerprint, tuple(decision.memory.proofs.values()))
        executor.store.note(proofs={**executor.store.state.proofs, run.name: proofs})
