"""Which files of a directory belong to an output, and what becomes of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from batchfind.errors import StorageError
from batchfind.job.output_model import Overwrite
from batchfind.outputs.partition_names import DEFAULT_PARTITION, layout_of, values_of
from batchfind.outputs.sidecars import OwnedFile, inside

Covers = Callable[[Sequence[str | None]], bool]
"""Whether a run asked for all of a partition, given its values."""


@dataclass(frozen=True, slots=True)
class Succession:
    """What a directory output owns after publishing.

    Attributes:
        kept: files of earlier runs that stay.
        new: files of this run.
    """

    kept: tuple[OwnedFile, ...]
    new: tuple[OwnedFile, ...]


def succeed(
    overwrite: Overwrite,
    old: Sequence[OwnedFile],
    new: Sequence[OwnedFile],
    run_id: str,
    covers: Covers,
) -> Succession:
    """Decide which files stay.

    Args:
        overwrite: as the job asks.
        old: owned so far.
        new: staged by this run.
        run_id: of this run.
        covers: for `partitions`.

    Raises:
        StorageError: the new files do not fit beside those that must stay.
    """
    kept: list[OwnedFile] = []
    if overwrite is Overwrite.APPEND:
        kept = [file for file in old if file.run != run_id]
    elif overwrite is Overwrite.PARTITIONS:
        kept = _of_other_partitions(old, new, covers)
    if any(file.rows for file in (*kept, *new)):
        # A file without rows only tells the schema of a table without any, and
        # readers of partitions stumble over one that lies outside of them.
        kept = [file for file in kept if file.rows or "/" in file.path]
        new = [file for file in new if file.rows or "/" in file.path]
    _check_layout(kept, new)
    return Succession(tuple(kept), tuple(new))


def check_foreign(
    directory: Path, new: Iterable[OwnedFile], old: Iterable[OwnedFile]
) -> None:
    """Make sure that publishing meets no file of somebody else.

    Raises:
        StorageError: naming the first that stands in the way.
    """
    owned = {file.path for file in old}
    found: dict[str, dict[str, bool]] = {}
    for file in new:
        folder, _, name = file.path.rpartition("/")
        if folder not in found:
            *folders, _ = inside(file.path)
            found[folder] = _entries_of(directory, folders)
        is_folder = found[folder].get(name)
        if is_folder is None:
            continue
        place = directory / file.path
        if file.path not in owned:
            raise StorageError(
                f"{place}: this file is not one of batchfind's and stands where the "
                f"output needs one; move it away, then run batchfind export --to-paths"
            )
        if is_folder:
            raise StorageError(
                f"{place}: a directory stands where the output needs a file; move it "
                f"away, then run batchfind export --to-paths"
            )


def _entries_of(directory: Path, folders: Sequence[str]) -> dict[str, bool]:
    """What stands in a folder of a directory: names, and whether each is a folder."""
    place = directory
    for folder in folders:
        place /= folder
        _check_folder(place)
    try:
        with os.scandir(place) as entries:
            return {
                entry.name: entry.is_dir(follow_symlinks=False) for entry in entries
            }
    except FileNotFoundError:
        return {}


def _check_folder(place: Path) -> None:
    if os.path.lexists(place) and (place.is_symlink() or not place.is_dir()):
        raise StorageError(
            f"{place}: the output needs a folder here and this is none; move it away, "
            f"then run batchfind export --to-paths"
        )


def _of_other_partitions(
    old: Sequence[OwnedFile], new: Sequence[OwnedFile], covers: Covers
) -> list[OwnedFile]:
    """Files of partitions that this run did not ask for."""
    met = {_folder(file.path) for file in new if "/" in file.path}
    covered = {folder: covers(values_of(folder)) for folder in met}
    for folder, whole in covered.items():
        # Peers return rows with an empty date in every range or in none: those that
        # came are all there are.
        if not whole and DEFAULT_PARTITION not in folder:
            raise StorageError(
                f"{folder}: answers fall into this partition, which the run did not "
                f"ask for as a whole; widen the window, or use overwrite: replace"
            )
    kept = []
    for file in old:
        folder = _folder(file.path)
        if folder not in covered:
            covered[folder] = not folder or covers(values_of(folder))
        if not covered[folder] and folder not in met:
            kept.append(file)
    return kept


def _check_layout(kept: Sequence[OwnedFile], new: Sequence[OwnedFile]) -> None:
    layouts = {layout_of(_folder(file.path)) for file in (*kept, *new)}
    if len(layouts) > 1 and any(layouts):
        raise StorageError(
            "the directory holds files of earlier runs that are partitioned otherwise; "
            "use overwrite: replace once, or another path"
        )


def _folder(path: str) -> str:
    return path.rpartition("/")[0]
