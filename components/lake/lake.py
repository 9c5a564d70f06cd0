"""The lake: what arrived, what passed the checks, and what did not."""

from __future__ import annotations

import fcntl
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.lake.delta import DeltaFolder
from components.lake.errors import LakeBusyError
from components.lake.schema import SCHEMAS, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import pandas as pd
    import pyarrow as pa
    from pyarrow.dataset import Expression

_COMPACT_ABOVE_FILES = 100
"""Some hundred small files make a read take a second."""
_LOCK_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class QuarantineCounts:
    """What lies in quarantine; a row with two reasons counts once in each."""

    n_rows: int
    by_reason: Mapping[str, int]


class Lake:
    """Versioned tables below one folder, each made when it is first written.

    Old versions stay readable, so that a bundle can name the version it learned from.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._tables = {
            table: DeltaFolder(folder / table, schema) for table, schema in SCHEMAS.items()
        }

    def version(self, table: Table | str = Table.SAMPLES) -> int | None:
        """Number of a table's last commit; None while it has none.

        Raises:
            LakeError: the table is damaged.
        """
        return self._tables[Table(table)].version()

    def read(
        self,
        table: Table,
        *,
        version: int | None = None,
        columns: Sequence[str] | None = None,
        where: Expression | None = None,
    ) -> pa.Table:
        """Read rows of a table, in no particular order.

        Raises:
            LakeError: the table is damaged, or has no such version.
        """
        return self._tables[table].read(version=version, columns=columns, where=where)

    def append(self, table: Table, rows: pa.Table, facts: Mapping[str, str] | None = None) -> int:
        """Add rows in one atomic commit and say the version it made.

        Raises:
            LakeError: the table is damaged, or the disk does not take it.
            LakeBusyError: other writers were faster every time.
        """
        return self._tables[table].append(rows, facts or {})

    def compact(self, *tables: Table) -> None:
        """Join small files of those of the tables that have many; a version with the same rows.

        Raises:
            LakeError: a table is damaged.
            LakeBusyError: other writers were faster every time.
        """
        for table in tables:
            self._tables[table].compact(above_files=_COMPACT_ABOVE_FILES)

    def samples(self, version: int | None = None) -> pd.DataFrame:
        """Read what may be learned from, oldest window first.

        Returns:
            The fields of a sample, `weight` in (0, 1], and where each row came from. A whole
            number that was not observed everywhere is a float column; null is NaN or None.

        Raises:
            LakeError: the table is damaged, or has no such version.
        """
        rows = self.read(Table.SAMPLES, version=version)
        order = [("window_start", "ascending"), ("node", "ascending"), ("job", "ascending")]
        return rows.sort_by(order).to_pandas()

    def quarantine(self, version: int | None = None) -> pd.DataFrame:
        """Read what did not pass, with `reasons` (codes) and `findings` (sentences) per row.

        Raises:
            LakeError: the table is damaged, or has no such version.
        """
        return self.read(Table.QUARANTINE, version=version).to_pandas()

    def quarantine_counts(self) -> QuarantineCounts:
        """Count what lies in quarantine by reason, the most frequent first.

        Raises:
            LakeError: the table is damaged.
        """
        reasons = self.read(Table.QUARANTINE, columns=["reasons"])["reasons"].to_pylist()
        counts = Counter(reason for row in reasons for reason in row)
        return QuarantineCounts(n_rows=len(reasons), by_reason=dict(counts.most_common()))

    @contextmanager
    def one_writer(self, *, wait_s: float = 60.0) -> Iterator[None]:
        """Keep other processes of this host from ingesting or checking meanwhile.

        Raises:
            LakeBusyError: another one did not end within `wait_s`.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("w") as lock:
            deadline = time.monotonic() + wait_s
            while not _is_taken(lock.fileno()):
                if time.monotonic() >= deadline:
                    raise LakeBusyError(
                        f"asked to write to the lake {self.folder}",
                        f"another ingest or check has been writing for {wait_s:.0f} s",
                        "try again when it has ended",
                    )
                time.sleep(_LOCK_POLL_S)
            yield


def _is_taken(descriptor: int) -> bool:
    """Take the lock if nobody has it; closing the file gives it back, a killed process too."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
