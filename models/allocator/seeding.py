"""Training that gives the same weights from the same seed."""

from __future__ import annotations

import torch


def make_repeatable(seed: int) -> None:
    """Seed torch, and let it use one thread: sums over several differ in their last bits.

    One thread is also what small networks are fastest with on a machine that does other things.
    """
    torch.manual_seed(seed)
    torch.set_num_threads(1)
