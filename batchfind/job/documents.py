"""Reads the job file and what it includes, and merges them into one document."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from batchfind.errors import Mark
from batchfind.job.nodes import Entry, MappingNode, Node, ScalarNode
from batchfind.job.report import Report
from batchfind.job.secret import redacted, secret_lines, shield
from batchfind.job.section import Section
from batchfind.job.shell import shell_fault
from batchfind.job.validation import validate
from batchfind.job.yaml_nodes import JOB, parse

LARGEST: Final = 1 << 20
"""Bytes of a job file; tables belong in rows files, which may be larger."""

_SHARED: Final = ("vars", "tls", "peers")


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML file as read.

    Attributes:
        text: without plain secrets.
        root: with them; None when it is no usable mapping.
    """

    path: Path
    text: str
    root: MappingNode | None


@dataclass(frozen=True, slots=True)
class Merged:
    """A job with everything it includes.

    Attributes:
        root: its fields; tls, peers, vars and peer_defaults of included files are
            added.
        includes: absolute paths of included files, with their text.
        complete: every included file could be read.
    """

    root: MappingNode
    includes: tuple[tuple[Path, str], ...]
    complete: bool


def read_document(
    path: Path,
    report: Report,
    *,
    part: str | None = None,
    named_at: Mark | None = None,
    plain_secrets: bool = False,
) -> Document | None:
    """A YAML file, validated against its part of the schema.

    Args:
        path: the file.
        report: receives every problem in it.
        part: definition of the schema that rules it; None for a job.
        named_at: where an including file names it.
        plain_secrets: secrets may stand in it.

    Returns:
        The document; None when the file cannot be read as text.
    """
    text = _text_of(path, report, named_at or Mark(str(path)))
    if text is None:
        return None
    needs = JOB if part is None else "it holds tls, peers, vars or peer_defaults"
    report.guard(str(path), secret_lines(text))
    root = parse(text, str(path), report, needs=needs)
    if isinstance(root, MappingNode):
        shown, secrets = shield(root, report, allow_plain=plain_secrets)
        validate(shown, report, part=part)
        return Document(path.absolute(), redacted(text, secrets), root)
    if root is not None:
        validate(root, report, part=part)
    return Document(path.absolute(), text, None)


def merge_includes(
    job: Document, root: MappingNode, report: Report, *, plain_secrets: bool = False
) -> Merged:
    """The job with tls, peers, vars and peer_defaults of the files it includes."""
    section = Section(root, "", report)
    seen = {job.path.resolve(): Mark(root.mark.file)}
    documents = [
        _included(item, seen, report, plain_secrets=plain_secrets)
        for item in section.items("include")
        if isinstance(item, ScalarNode) and item.text
    ]
    roots = [one.root for one in documents if one is not None and one.root is not None]
    shared = {name: _joined(name, [*roots, root], report) for name in _SHARED}
    shared["peer_defaults"] = _only("peer_defaults", [*roots, root], report)
    added = {name: entry for name, entry in shared.items() if entry is not None}
    return Merged(
        MappingNode(root.by_name | added, root.mark),
        tuple((one.path, one.text) for one in documents if one is not None),
        len(roots) == len(documents),
    )


def overlay(base: MappingNode, over: MappingNode) -> MappingNode:
    """Entries of both; of two mappings their overlay, of anything else the upper."""
    entries = dict(base.by_name)
    for entry in over.entries:
        below = entries.get(entry.key.text)
        value = entry.value
        lower = None if below is None else below.value
        if isinstance(lower, MappingNode) and isinstance(value, MappingNode):
            value = overlay(lower, value)
        entries[entry.key.text] = Entry(entry.key, value)
    return MappingNode(entries, over.mark)


def _text_of(path: Path, report: Report, mark: Mark) -> str | None:
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
    except OSError as error:
        reason = error.strerror or "it cannot be read"
        report.error(mark, "", f"cannot read {path}: {reason.lower()}")
        return None
    if len(raw) > LARGEST:
        message = f"{path} is larger than {LARGEST >> 20} MiB; move rows to a CSV file"
        report.error(mark, "", message)
        return None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The byte order mark, if any, is no column.
        before = error.object[: error.start]
        column = len(before.rpartition(b"\n")[2].decode("utf-8")) + 1
        place = Mark(str(path), before.count(b"\n") + 1, column)
        message = "this byte is not UTF-8; save the file in UTF-8"
        report.error(place, "", message)
        return None


def _included(
    item: ScalarNode, seen: dict[Path, Mark], report: Report, *, plain_secrets: bool
) -> Document | None:
    if fault := shell_fault(item.text):
        report.error(item.mark, "include", fault)
        return None
    path = Path(item.mark.file).parent / item.text
    first = seen.setdefault(path.resolve(), item.mark)
    if first is not item.mark:
        report.error(item.mark, "include", f"{item.text} is already read at {first}")
        return None
    return read_document(
        path,
        report,
        part="include",
        named_at=item.mark,
        plain_secrets=plain_secrets,
    )


def _joined(name: str, roots: Iterable[MappingNode], report: Report) -> Entry | None:
    """One mapping of the mappings that several files give a name."""
    entries: dict[str, Entry] = {}
    found: Entry | None = None
    for root in roots:
        part = root.entry(name)
        if part is None or not isinstance(part.value, MappingNode):
            continue
        found = part
        for entry in part.value.entries:
            first = entries.setdefault(entry.key.text, entry)
            if first is not entry:
                message = f"'{entry.key.text}' stands here and at {first.key.mark}; "
                place = f"{name}.{entry.key.text}"
                report.error(entry.key.mark, place, f"{message}keep one of them")
    if found is None:
        return None
    value: Node = MappingNode(entries, found.value.mark)
    return Entry(found.key, value)


def _only(name: str, roots: Iterable[MappingNode], report: Report) -> Entry | None:
    found: Entry | None = None
    for root in roots:
        entry = root.entry(name)
        if entry is None:
            continue
        if found is not None:
            message = f"{name} stands here and at {found.key.mark}; keep one of them"
            report.error(entry.key.mark, name, message)
        found = found or entry
    return found
