"""Where the attributes a query asks for stand: a tree, one node a nesting level."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from batchfind.dicom import vrs
from batchfind.dicom.paths import KeyPath, Step
from batchfind.plan.model import PlannedQuery

PublicSlots: TypeAlias = dict[int, int]
PrivateSlots: TypeAlias = dict[tuple[int, int, str], int]


@dataclass(frozen=True, slots=True)
class Attribute:
    """One asked attribute of a level.

    Attributes:
        tag: 0xGGGGEEEE; the block of a private element is a placeholder.
        vr: by the dictionary.
        creator: private creator, or None.
        multiple: the dictionary allows more than one value.
        name: keyword, or the form that column names use.
        node: the asked attributes of a sequence's items; None for anything else,
            and for a sequence that was asked without naming attributes in it.
    """

    tag: int
    vr: str
    creator: str | None
    multiple: bool
    name: str
    node: Node | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """One level: the attributes asked, in the order first written."""

    attributes: tuple[Attribute, ...]

    @property
    def public_slots(self) -> PublicSlots:
        """Position of each attribute that needs no private creator, by tag."""
        return {
            attribute.tag: slot
            for slot, attribute in enumerate(self.attributes)
            if attribute.creator is None
        }

    @property
    def private_slots(self) -> PrivateSlots:
        """Position of each private attribute, by group, element and creator."""
        return {
            (attribute.tag >> 16, attribute.tag & 0xFF, attribute.creator): slot
            for slot, attribute in enumerate(self.attributes)
            if attribute.creator is not None
        }

    def slot(self, step: Step) -> int:
        """Position of an attribute in `attributes`.

        Raises:
            KeyError: when the step was not asked at this level.
        """
        for position, attribute in enumerate(self.attributes):
            if (attribute.tag, attribute.creator) == (step.tag, step.creator):
                return position
        raise KeyError(step.name)


@dataclass(frozen=True, slots=True)
class Layout:
    """What to take out of each Identifier of a query.

    Attributes:
        root: attributes of the data set itself.
        chain: positions of the exploded sequences from the outside in, each in
            the node that the one before opens; empty when nothing is exploded.
    """

    root: Node
    chain: tuple[int, ...] = ()

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The levels whose entries rows are made of: root, then each exploded one."""
        nodes = [self.root]
        for slot in self.chain:
            node = nodes[-1].attributes[slot].node
            nodes.append(node or Node(()))
        return tuple(nodes)


def layout_of(query: PlannedQuery, watch: Iterable[KeyPath] = ()) -> Layout:
    """The layout of a query.

    Args:
        query: its columns and exploded sequence.
        watch: further attributes whose values a check needs.

    Returns:
        The tree; item numbers in paths are ignored, since an answer's items do
        not stand in the order of the request's.
    """
    paths = [path.steps for path in (*query.columns, *watch)]
    exploded = query.explode.steps if query.explode is not None else ()
    root = _node(paths, exploded)
    chain: list[int] = []
    node = root
    for step in exploded:
        chain.append(node.slot(step))
        node = node.attributes[chain[-1]].node or Node(())
    return Layout(root, tuple(chain))


def _node(paths: Sequence[Sequence[Step]], exploded: Sequence[Step]) -> Node:
    below: dict[tuple[int, str | None], list[Sequence[Step]]] = {}
    first: dict[tuple[int, str | None], Step] = {}
    for path in (*paths, exploded[:1]):
        for step in path[:1]:
            key = (step.tag, step.creator)
            first.setdefault(key, step)
            below.setdefault(key, []).extend([path[1:]] if path[1:] else [])
    attributes = []
    for key, step in first.items():
        entered = bool(exploded) and key == (exploded[0].tag, exploded[0].creator)
        deeper = exploded[1:] if entered else ()
        node = _node(below[key], deeper) if below[key] or entered else None
        attributes.append(_attribute(step, node))
    return Node(tuple(attributes))


def _attribute(step: Step, node: Node | None) -> Attribute:
    vr = "SQ" if node is not None else step.vr
    bare = replace(step, item=0)
    multiple = (
        vr not in vrs.SINGLE_VALUED_VRS
        and vr not in vrs.WORD_SIZES
        and not step.is_single
    )
    return Attribute(step.tag, vr, step.creator, multiple, bare.column, node)
