"""From answers to an output at its path, whole or not at all.

An output is staged beside its target, on the same file system, and moved over it
when all of it is on the disk. Until then nothing at the path changes.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from batchfind.errors import StorageError
from batchfind.job.output_model import Overwrite
from batchfind.outputs.directory_site import DirectorySite
from batchfind.outputs.disk import alone_in, sync_directory
from batchfind.outputs.file_site import FileSite
from batchfind.outputs.formats import FORMATS
from batchfind.outputs.intents import settle_alone
from batchfind.outputs.obstacles import storage_error
from batchfind.outputs.ownership import Covers
from batchfind.outputs.partitioned import PartitionedWriter
from batchfind.outputs.permissions import permissions_of
from batchfind.outputs.publication import Publication, check_replaceable
from batchfind.outputs.sidecars import Sidecar, read_sidecar
from batchfind.outputs.sites import Content, Site
from batchfind.outputs.staging_area import StagingArea
from batchfind.outputs.writing import Piece, Writer
from batchfind.plan.model import PlannedOutput, PlannedQuery
from batchfind.tables.schema import TableSchema

_PRIVATE_DIRECTORY_MODE = 0o700


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """An output that is whole.

    Attributes:
        path: where it stands.
        rows: rows or responses this run wrote.
        bytes: size of what this run wrote.
        sha256: of the file, or of paths and digests of a directory's files.
        files: how many files this run wrote.
        invalid: values that could not be shown in full.
    """

    path: Path
    rows: int
    bytes: int
    sha256: str
    files: int = 1
    invalid: int = 0


def _nothing(_: Sequence[str | None]) -> bool:
    return False


class Staged:
    """One output in the making; made by `stage`.

    Write all pieces, then call one of `publish`, `withhold` and `discard`; `close`
    before that has it on the disk without deciding. `discard` may be called at any
    time and again.

    Attributes:
        path: the target.
    """

    def __init__(
        self, planned: PlannedOutput, schema: TableSchema | None, area: StagingArea
    ) -> None:
        """Use `stage`."""
        self.path = Path(planned.path)
        self._planned = planned
        self._schema = schema
        self._area = area
        self._site: Site | None = None
        self._writer: Writer | None = None
        self._content: Content | None = None
        self._rows = 0
        self._invalid = 0

    def write(self, piece: Piece, invalid: int = 0) -> None:
        """Append a piece.

        Args:
            piece: of the query's answers.
            invalid: values of it that did not fit their column, for the count.

        Raises:
            StorageError: it cannot be written; nothing is left of the output.
        """
        writer, _ = self._parts()
        try:
            self._rows += writer.write(piece)
        except OSError as error:
            raise self._failed(error) from error
        self._invalid += invalid

    def close(self) -> Written:
        """Have all of it on the disk, still under its temporary name.

        Returns:
            What `publish` will put at the path.

        Raises:
            StorageError: it cannot be written; nothing is left of it.
        """
        if self._content is None:
            writer, site = self._parts()
            try:
                writer.close()
                self._content = site.close(self._rows)
            except OSError as error:
                raise self._failed(error) from error
            if isinstance(writer, PartitionedWriter):
                self._invalid += writer.cut
        return self._written(self.path, self._content)

    def publish(self, publication: Publication, covers: Covers = _nothing) -> Written:
        """Put it at its path, in place of what stood there, and its sidecar beside.

        Args:
            publication: for the sidecar.
            covers: whether the run asked for all of a partition.

        Returns:
            What this run put at the path.

        Raises:
            StorageError: it must not be replaced, or cannot; what stood at the path
                still stands there.
        """
        written = self.close()
        try:
            with alone_in(self.path.parent):
                self._publish(publication, covers)
        except StorageError:
            self.discard()
            raise
        except OSError as error:
            raise self._failed(error) from error
        return written

    def withhold(self, directory: Path) -> Written:
        """Put it into a directory of the run instead of at its path.

        Args:
            directory: made when it does not exist; only its owner can read it.

        Returns:
            What stands there; a number is added to its name when that is taken.

        Raises:
            StorageError: it cannot be moved there; nothing is left of it.
        """
        self.close()
        _, site = self._open_parts()
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=_PRIVATE_DIRECTORY_MODE)
            target = _free_name(directory, self.path)
            site.withhold(target)
            sync_directory(directory)
        except OSError as error:
            raise self._failed(error, directory) from error
        assert self._content is not None  # noqa: S101 - close has just set it
        self._area.discard()
        return self._written(target, self._content)

    def discard(self) -> None:
        """Remove what is unpublished and directories made for it."""
        site, self._site, self._writer = self._site, None, None
        if site is not None:
            with suppress(OSError):
                site.abandon()
        self._area.discard()

    def _begin(self, query: PlannedQuery, run_id: str) -> None:
        self._area.make_parents()
        with alone_in(self.path.parent):
            settle_alone(self.path)
            self._area.open()
        planned = self._planned
        permissions = permissions_of(planned.options, self.path)
        make = FORMATS[planned.format].writer
        if not planned.is_directory:
            self._site = FileSite(self._area, permissions)
            self._writer = make(self._site, planned, query, self._schema)
            return
        site = DirectorySite(self._area, permissions, planned.overwrite, run_id)
        self._site = site
        if planned.options.partition_by and self._schema is not None:
            self._writer = PartitionedWriter(
                site, site.scratch, planned, query, self._schema
            )
        else:
            self._writer = make(site, planned, query, self._schema)

    def _publish(self, publication: Publication, covers: Covers) -> None:
        _, site = self._open_parts()
        settle_alone(self.path)
        old = read_sidecar(self.path)
        check_replaceable(self._planned, old, publication)
        # What stands there is this run's own where it may be replaced nevertheless.
        exclusive = self._planned.overwrite is Overwrite.FAIL and old is None
        site.publish(
            old,
            lambda content: self._sidecar(publication, content),
            covers,
            exclusive=exclusive,
        )

    def _sidecar(self, publication: Publication, content: Content) -> Sidecar:
        planned, columns = self._planned, None
        if self._schema is not None:
            columns = tuple((f.name, str(f.type)) for f in self._schema.arrow)
        return Sidecar(
            run_id=publication.run_id,
            started=publication.started,
            job=publication.job,
            plan_digest=publication.plan_digest,
            query=planned.query,
            format=planned.format.value,
            table=planned.options.table.value,
            publish=planned.publish.value,
            verdict=publication.verdict,
            verdicts=publication.verdicts,
            rows=self._rows if content.files is None else content.rows,
            bytes=content.bytes,
            sha256=content.sha256,
            columns=columns,
            files=content.files,
        )

    def _written(self, path: Path, content: Content) -> Written:
        return Written(
            path=path,
            rows=content.rows,
            bytes=content.bytes,
            sha256=content.sha256,
            files=1 if content.files is None else len(content.files),
            invalid=self._invalid,
        )

    def _parts(self) -> tuple[Writer, Site]:
        if self._content is not None:
            raise ValueError(f"{self.path}: the output is closed")
        return self._open_parts()

    def _open_parts(self) -> tuple[Writer, Site]:
        if self._writer is None or self._site is None:
            raise ValueError(f"{self.path}: the output is closed")
        return self._writer, self._site

    def _failed(self, error: OSError, place: Path | None = None) -> StorageError:
        least = self._site.written if self._site is not None else 0
        self.discard()
        return storage_error(place or self.path, error, least)


def stage(
    planned: PlannedOutput,
    query: PlannedQuery,
    schema: TableSchema | None,
    run_id: str,
) -> Staged:
    """Begin an output beside its target.

    What a crashed process left there is finished or taken back first.

    Args:
        planned: says path and format; missing parents of the path are made.
        query: the query it holds.
        schema: of its table; a table without rows gives a file with this schema.
            None where the format reads the responses themselves.
        run_id: part of the temporary name, so that runs do not meet.

    Returns:
        The output, ready for pieces.

    Raises:
        StorageError: it cannot be begun; nothing is left of it.
    """
    path = Path(planned.path)
    staged = Staged(planned, schema, StagingArea(path, run_id))
    try:
        staged._begin(query, run_id)  # noqa: SLF001 - the other half of its making
    except OSError as error:
        staged.discard()
        raise storage_error(path, error) from error
    except LookupError as error:
        staged.discard()
        raise StorageError(f"{path}: {error}; name another group") from error
    except BaseException:
        staged.discard()
        raise
    return staged


def _free_name(directory: Path, path: Path) -> Path:
    """A path in a directory, named like another, that nothing stands at."""
    candidate, ordinal = directory / path.name, 2
    while os.path.lexists(candidate):
        candidate = directory / f"{path.stem}-{ordinal}{path.suffix}"
        ordinal += 1
    return candidate
