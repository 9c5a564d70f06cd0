"""One Delta table on disk. The only file that knows deltalake."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError

from components.lake.errors import LakeBusyError, LakeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from pyarrow.dataset import Expression

_RESTORE = (
    "restore its folder from a copy, or move the folder away: raw is made again by moving the "
    "bodies from the spool's done/ to the spool, samples and quarantine by the next check"
)


class DeltaFolder:
    """A table in a folder, which is made by the first append."""

    def __init__(self, folder: Path, schema: pa.Schema) -> None:
        self._folder = folder
        self._schema = schema

    def version(self) -> int | None:
        """Number of the last commit; None while nothing was ever written.

        Raises:
            LakeError: the table is damaged.
        """
        with self._named("asked for the version of"):
            return self._open().version() if self._is_there() else None

    def read(
        self,
        *,
        version: int | None = None,
        columns: Sequence[str] | None = None,
        where: Expression | None = None,
    ) -> pa.Table:
        """Read rows in no particular order; a table that is not there yet has none.

        Raises:
            LakeError: the table is damaged, lacks a column, or has no such version.
        """
        names = list(columns) if columns is not None else self._schema.names
        with self._named("asked to read"):
            if version is None and not self._is_there():
                return self._schema.empty_table().select(names)
            dataset = self._open(version).to_pyarrow_dataset()
            table: pa.Table = dataset.to_table(columns=names, filter=where)
            return table.cast(pa.schema([self._schema.field(name) for name in names]))

    def append(self, rows: pa.Table, facts: Mapping[str, str]) -> int:
        """Add rows in one atomic commit and say the version it made.

        `facts` are kept in the commit's own record.

        Raises:
            LakeError: the table is damaged or of another layout, or the disk does not take it.
            LakeBusyError: other writers were faster every time.
        """
        with self._named("asked to append to"):
            if not self._is_there():
                self._folder.mkdir(parents=True, exist_ok=True)
            write_deltalake(
                self._folder,
                rows.cast(self._schema),
                mode="append",
                commit_properties=CommitProperties(custom_metadata=dict(facts)),
            )
            return self._open().version()

    def compact(self, *, above_files: int) -> None:
        """Join small files when there are more than `above_files`; old versions stay readable.

        Raises:
            LakeError: the table is damaged.
            LakeBusyError: other writers were faster every time.
        """
        with self._named("asked to compact"):
            if self._is_there() and len((table := self._open()).file_uris()) > above_files:
                table.optimize.compact()

    def _open(self, version: int | None = None) -> DeltaTable:
        return DeltaTable(self._folder, version=version)

    def _is_there(self) -> bool:
        if DeltaTable.is_deltatable(str(self._folder)):
            return True
        if any(self._folder.glob("*.parquet")):
            raise LakeError(
                f"asked for the table {self._folder}",
                "its files are there and its log (_delta_log) is not",
                _RESTORE,
            )
        return False

    @contextmanager
    def _named(self, asked: str) -> Iterator[None]:
        try:
            yield
        except CommitFailedError as error:
            raise LakeBusyError(
                f"{asked} {self._folder}", _first_line(error), "try again in some seconds"
            ) from error
        except (DeltaError, pa.ArrowException, OSError) as error:
            raise LakeError(f"{asked} {self._folder}", _first_line(error), _RESTORE) from error


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
