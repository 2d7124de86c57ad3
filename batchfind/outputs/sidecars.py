"""The small file beside every published path that says what stands there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from batchfind.errors import StorageError
from batchfind.plan.taken_paths import SIDECAR

_VERSION: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedFile:
    """A file of a directory output.

    Attributes:
        path: relative to the directory, folders separated by `/`.
        rows: rows or responses in it.
        bytes: its size.
        sha256: of its bytes, 64 hexadecimal digits.
        run: id of the run that wrote it.
    """

    path: str
    rows: int
    bytes: int
    sha256: str
    run: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidecar:
    """What stands at a published path, and where it comes from.

    Attributes:
        run_id: the run that published last.
        started: when that run began: UTC, ISO 8601 with microseconds.
        format, table, publish: words of the job file.
        verdict: the worst of the requests behind it.
        verdicts: number of requests by verdict.
        rows, bytes: of all files together.
        sha256: of the file, or of paths and digests of a directory's files.
        columns: names and Arrow types of a table, else None.
        files: what a directory owns; None for a single file.
    """

    run_id: str
    started: str
    job: str
    plan_digest: str
    query: str
    format: str
    table: str
    publish: str
    verdict: str
    verdicts: Mapping[str, int]
    rows: int
    bytes: int
    sha256: str
    columns: tuple[tuple[str, str], ...] | None
    files: tuple[OwnedFile, ...] | None

    def to_json(self) -> dict[str, Any]:
        """The object in the file."""
        columns, files = self.columns, self.files
        plain = {name: getattr(self, name) for name in _PLAIN}
        return {
            "batchfind": _VERSION,
            **plain,
            "verdicts": dict(self.verdicts),
            "columns": columns and [{"name": n, "type": t} for n, t in columns],
            "files": None
            if files is None
            else [{name: getattr(file, name) for name in _OWNED} for file in files],
        }

    def text(self) -> str:
        """The text of the file."""
        return "".join(self.pieces())

    def pieces(self) -> Iterator[str]:
        """The text of the file in pieces of a moderate size."""
        whole = json.dumps(
            replace(self, files=self.files and ()).to_json(),
            ensure_ascii=False,
            indent=1,
        )
        if not self.files:
            yield f"{whole}\n"
            return
        # The list comes last, and may be very long: json.dumps would take seconds.
        yield f"{whole.removesuffix(_NO_FILES)}[\n"
        for first in range(0, len(self.files), _FILES_IN_A_PIECE):
            some = self.files[first : first + _FILES_IN_A_PIECE]
            yield ",\n" if first else ""
            yield ",\n".join([_file_text(file) for file in some])
        yield "\n ]\n}\n"


_FILES_IN_A_PIECE: Final = 1000

_PLAIN: Final = (
    "run_id",
    "started",
    "job",
    "plan_digest",
    "query",
    "format",
    "table",
    "publish",
    "verdict",
    "rows",
    "bytes",
    "sha256",
)
_OWNED: Final = ("path", "rows", "bytes", "sha256", "run")


_NO_FILES: Final = "[]\n}"


def _file_text(file: OwnedFile) -> str:
    """A file as json.dumps indents it."""
    return (
        f'  {{\n   "path": {_QUOTE(file.path)},\n   "rows": {file.rows},\n'
        f'   "bytes": {file.bytes},\n   "sha256": {_QUOTE(file.sha256)},\n'
        f'   "run": {_QUOTE(file.run)}\n  }}'
    )


_QUOTE: Final = json.JSONEncoder(ensure_ascii=False).encode


def sidecar_path(path: Path) -> Path:
    """Where the sidecar of an output stands: beside it, also for a directory."""
    return path.with_name(path.name + SIDECAR)


def read_sidecar(path: Path) -> Sidecar | None:
    """The sidecar of an output, or None when it has none.

    Args:
        path: of the output.

    Raises:
        StorageError: what stands there is no sidecar, so nobody can say which
            files may be replaced.
    """
    place = sidecar_path(path)
    try:
        return decode(json.loads(place.read_bytes()))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(f"{place}: cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StorageError(
            f"{place}: this is no sidecar of batchfind, or a damaged one; move it "
            f"away, and what it stands for, then run batchfind export --to-paths"
        ) from error


def decode(data: Any) -> Sidecar:
    """The sidecar in a JSON object; its owned paths are checked.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: it is none.
    """
    if data["batchfind"] != _VERSION:
        raise ValueError("a sidecar of another version")
    columns, files = data["columns"], data["files"]
    return Sidecar(
        **{name: data[name] for name in _PLAIN},
        verdicts=dict(data["verdicts"]),
        columns=columns and tuple((each["name"], each["type"]) for each in columns),
        files=None if files is None else tuple(_owned(each) for each in files),
    )


def _owned(data: Mapping[str, Any]) -> OwnedFile:
    file = OwnedFile(**{name: data[name] for name in _OWNED})
    inside(file.path)
    return file


def inside(path: str) -> tuple[str, ...]:
    """The parts of a relative path that leads below its directory.

    Raises:
        ValueError: it does not; whoever wrote it, it is never followed.
    """
    parts = tuple(path.split("/"))
    if not path or "\0" in path or any(part in {"", ".", ".."} for part in parts):
        raise ValueError("a path that leads out of its directory")
    return parts
