"""YAML text to nodes that keep their source text and their place.

PyYAML's own loader turns 00123 into 83 and 12:30:15 into 45015, and keeps the
last of two equal keys. Here its parser's events become a tree in which a scalar
is the text as written; what it means is decided where it is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import yaml

from batchfind.errors import Mark
from batchfind.job.nodes import Entry, MappingNode, Node, ScalarNode, SequenceNode
from batchfind.job.report import Report
from batchfind.job.yaml_slips import whole_items, whole_pairs
from batchfind.job.yaml_syntax import between, place, syntax_problem

MOST_NODES: Final = 100_000
"""Nodes after every alias is expanded: nine lines of aliases can mean billions."""
DEEPEST: Final = 32
"""Nesting; the deepest Identifier anybody asks for needs less than half of it."""

JOB: Final = "a job needs version, name, peers and queries"
"""What an empty file lacks when it should be a job."""

_COMMENT: Final = re.compile(r" *(#[^\s#]\S*)")
_TEXT_TAGS: Final = {None, "!", "tag:yaml.org,2002:str"}
_PLAIN_TAGS: Final = {None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"}


def parse(text: str, file: str, report: Report, *, needs: str = JOB) -> Node | None:
    """The only document of a YAML text.

    Args:
        text: the file's text.
        file: its name in messages.
        report: receives every problem.
        needs: what to write into a file that is empty, as a sentence.

    Returns:
        The root, or None when the text cannot be read as YAML.
    """
    builder = _Builder(text, file, report)
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            builder.feed(event)
    except _RefusedError as refused:
        report.error(refused.mark, "", str(refused))
        return None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        line, column, message = syntax_problem(error, text)
        # What stops the parser is often the rest of a slip already explained.
        if not report.knows(file, line):
            report.error(Mark(file, line, column), "", message)
        return None
    if builder.root is None:
        report.error(Mark(file), "", f"the file is empty; {needs}")
    return builder.root


class _RefusedError(Exception):
    """The text is YAML, but not what a job may be."""

    def __init__(self, mark: Mark, message: str) -> None:
        self.mark = mark
        super().__init__(message)


@dataclass(slots=True)
class _Open:
    """A collection whose end is not reached."""

    event: yaml.CollectionStartEvent
    children: list[Node] = field(default_factory=list)
    size: int = 1


class _Builder:
    """Turns events into nodes without recursion."""

    def __init__(self, text: str, file: str, report: Report) -> None:
        self.root: Node | None = None
        self._text, self._file, self._report = text, file, report
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Node, int] | None] = {}
        self._count = 0
        self._documents = 0

    def feed(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise _RefusedError(
                    self._mark(event),
                    "a second document begins here; "
                    "a job file holds one, so remove this ---",
                )
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.ScalarEvent):
            self._add(self._scalar(event), 1, event.anchor)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._begin(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._end(event)

    def _mark(self, event: yaml.Event) -> Mark:
        return Mark(self._file, *place(event.start_mark))

    def _alias(self, event: yaml.AliasEvent) -> None:
        mark = self._mark(event)
        if event.anchor not in self._anchors:
            raise _RefusedError(
                mark,
                f"an unquoted * begins a YAML alias and no anchor "
                f"&{event.anchor} stands above; write a wildcard in "
                f'quotes: "*{event.anchor}"',
            )
        known = self._anchors[event.anchor]
        if known is None:
            raise _RefusedError(
                mark,
                f"the alias *{event.anchor} stands inside its own "
                "anchor; it would never end",
            )
        self._add(known[0], known[1], None, mark)

    def _scalar(self, event: yaml.ScalarEvent) -> ScalarNode:
        mark = self._mark(event)
        if event.tag not in _TEXT_TAGS:
            self._refuse_tag(mark, event.tag)
        if not event.value.isascii() and any(
            "\ud800" <= char <= "\udfff" for char in event.value
        ):
            message = "half of a surrogate pair is no character; write the character"
            raise _RefusedError(mark, message)
        if event.style in {">", "|"} and not event.value.strip():
            message = f"the block that this {event.style} begins is empty; write the "
            self._report.error(mark, "", message + 'value behind the colon, or ""')
        plain = event.style is None and event.tag is None
        if event.style is None and not event.value:
            self._check_nothing(event, mark)
        if plain and "}}" in event.value and "{{" not in event.value:
            message = "}} ends a template that nothing begins; put the whole template "
            self._report.error(mark, "", f'{message}in quotes: "{{{{ name }}}}"')
        return ScalarNode(event.value, mark, plain)

    def _check_nothing(self, event: yaml.ScalarEvent, mark: Mark) -> None:
        """Refuses an empty value that was meant to be something.

        It would ask for everything, where `PatientID: #123` asked for one patient.
        """
        rest = between(event.start_mark, None, self._text).partition("\n")[0]
        comment = _COMMENT.match(rest)
        message = ""
        if event.anchor or event.tag:
            message = "nothing follows here, so this value is empty; put it in quotes"
        elif comment:
            shown = comment[1][:40]
            message = (
                f"{shown} is a comment in YAML, so this value is empty; put it in "
            )
            message += 'quotes, or write "" and a blank after the #'
        if message:
            self._report.error(mark, "", message)

    def _begin(self, event: yaml.CollectionStartEvent) -> None:
        mark = self._mark(event)
        if event.tag not in _PLAIN_TAGS:
            self._refuse_tag(mark, event.tag)
        if len(self._open) >= DEEPEST:
            raise _RefusedError(mark, f"nested deeper than {DEEPEST} levels")
        self._grow(1, mark)
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        self._open.append(_Open(event))

    def _end(self, event: yaml.Event) -> None:
        opened = self._open.pop()
        mark = self._mark(opened.event)
        node: Node
        if isinstance(opened.event, yaml.SequenceStartEvent):
            items = opened.children
            if opened.event.flow_style:
                items = whole_items(items, self._report)
            node = SequenceNode(tuple(items), mark)
        else:
            source = between(opened.event.start_mark, event.end_mark, self._text)
            node = self._mapping(opened, mark, source)
        self._place(node, opened.size, opened.event.anchor)

    def _refuse_tag(self, mark: Mark, tag: str | None) -> None:
        shown = (tag or "").replace("tag:yaml.org,2002:", "!!")
        message = f"the YAML tag {shown} is not used in jobs; remove it, or put the "
        self._report.error(mark, "", message + "value in quotes")

    def _grow(self, nodes: int, mark: Mark) -> None:
        self._count += nodes
        if self._count > MOST_NODES:
            message = f"more than {MOST_NODES} values once aliases are expanded; "
            raise _RefusedError(mark, message + "move long lists to a rows file")

    def _add(
        self, node: Node, size: int, anchor: str | None, mark: Mark | None = None
    ) -> None:
        self._grow(size, mark or node.mark)
        self._place(node, size, anchor)

    def _place(self, node: Node, size: int, anchor: str | None) -> None:
        if anchor is not None:
            self._anchors[anchor] = (node, size)
        if not self._open:
            self.root = node
            return
        self._open[-1].children.append(node)
        self._open[-1].size += size

    def _mapping(self, opened: _Open, mark: Mark, source: str) -> Node:
        pairs = list(zip(opened.children[::2], opened.children[1::2], strict=True))
        flow = bool(opened.event.flow_style)
        if flow and any(isinstance(key, MappingNode) for key, _ in pairs):
            shown = " ".join(source.split())[:60]
            self._report.error(
                mark,
                "",
                "an unquoted { begins a YAML mapping; put the "
                f'template in quotes: "{shown}"',
            )
            # A text stands in for it, so that this is the only complaint.
            return ScalarNode(shown, mark)
        return self._merged(whole_pairs(pairs, self._report, flow=flow), mark)

    def _merged(
        self, pairs: Iterable[tuple[ScalarNode, Node]], mark: Mark
    ) -> MappingNode:
        """Entries of a mapping over those that its `<<` brings in."""
        own: dict[str, Entry] = {}
        merged: dict[str, Entry] = {}
        merge: Mark | None = None
        for key, value in pairs:
            if key.plain and key.text == "<<":
                if merge is not None:
                    message = f"<< stands here and at {merge}; give one << a list"
                    self._report.error(key.mark, "", message)
                merge = merge or key.mark
                self._merge(merged, value)
            elif key.text in own:
                first = own[key.text].key.mark
                message = f"'{key.text}' stands here and at {first}; keep one of them"
                self._report.error(key.mark, "", message)
            else:
                own[key.text] = Entry(key, value)
        return MappingNode(merged | own, mark)

    def _merge(self, merged: dict[str, Entry], value: Node) -> None:
        """Adds what `<<` names; the first to name a key wins."""
        sources: Iterable[Node] = (value,)
        if isinstance(value, SequenceNode):
            sources = value.items
        for source in sources:
            if not isinstance(source, MappingNode):
                self._report.error(
                    source.mark, "", "<< takes an alias of a mapping, or a list of them"
                )
                continue
            for entry in source.entries:
                merged.setdefault(entry.key.text, entry)
