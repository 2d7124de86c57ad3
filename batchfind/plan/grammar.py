"""What a template may say: expressions and `if` over a fixed list of names.

Jinja2 has loops, macros, methods and arithmetic on text, with which a few
characters fill any memory. A value of a job needs none of them, so a template is
checked against this list before it is compiled. What is left ends in a time and
length that its own text bounds; the sandbox behind it is the second line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from jinja2 import nodes

from batchfind.job.suggest import did_you_mean
from batchfind.plan.dates import FILTERS, SPANS
from batchfind.plan.facts import Facts

FUNCTIONS: Final = frozenset({*SPANS, "env"})
TEXT_FILTERS: Final = frozenset({"upper", "lower", "trim"})

_ALLOWED: Final = (
    nodes.Add,
    nodes.And,
    nodes.Compare,
    nodes.Concat,
    nodes.CondExpr,
    nodes.Const,
    nodes.If,
    nodes.List,
    nodes.Name,
    nodes.Neg,
    nodes.Not,
    nodes.Operand,
    nodes.Or,
    nodes.Output,
    nodes.Slice,
    nodes.Sub,
    nodes.Template,
    nodes.TemplateData,
    nodes.Tuple,
)

_MEMBERS: Final = {"window": frozenset({"start", "end"})}


def facts_of(template: nodes.Template) -> Facts:
    """What a parsed template reads.

    Raises:
        ValueError: one sentence, when it says more than a template may.
    """
    reading = _Reading()
    reading.visit(template)
    return Facts(
        names=frozenset(reading.names | reading.bare),
        bare=frozenset(reading.bare),
        variables=frozenset(reading.variables),
        environment=frozenset(reading.environment),
        tested=frozenset(reading.tested),
        sole=_sole(template),
    )


@dataclass(slots=True)
class _Reading:
    """One walk over a template."""

    names: set[str] = field(default_factory=set)
    bare: set[str] = field(default_factory=set)
    variables: set[str] = field(default_factory=set)
    environment: set[str] = field(default_factory=set)
    tested: set[str] = field(default_factory=set)

    def visit(self, node: nodes.Node) -> None:
        match node:
            case nodes.Call():
                self._call(node)
            case nodes.Filter():
                self._filter(node)
            case nodes.Getattr() | nodes.Getitem():
                self._member(node)
            case nodes.Name():
                self._name(node.name)
            case _ if isinstance(node, _ALLOWED):
                if isinstance(node, nodes.If | nodes.CondExpr):
                    self.tested.update(_names_below(node.test))
                if isinstance(node, nodes.Or):
                    self.tested.update(_names_below(node.left))
                self._below(node)
            case _:
                raise ValueError(_refusal(node))

    def _below(self, node: nodes.Node) -> None:
        for below in node.iter_child_nodes():
            self.visit(below)

    def _name(self, name: str) -> None:
        if name in FUNCTIONS:
            raise ValueError(f"{name} is a function; write {name}(…)")
        if name == "vars":
            raise ValueError("vars holds all variables; write vars.name for one")
        self.bare.add(name)

    def _call(self, node: nodes.Call) -> None:
        called = node.node
        if not isinstance(called, nodes.Name) or called.name not in FUNCTIONS:
            choices = ", ".join(f"{name}()" for name in [*SPANS, "env"])
            raise ValueError(f"only {choices} can be called in a template")
        if called.name == "env":
            name = node.args[0] if len(node.args) == 1 else None
            if not isinstance(name, nodes.Const) or not isinstance(name.value, str):
                raise ValueError("env takes one name in quotes: env('NAME')")
            self.environment.add(name.value)
        for below in node.iter_child_nodes(exclude=("node",)):
            self.visit(below)

    def _filter(self, node: nodes.Filter) -> None:
        known = [*FILTERS, *sorted(TEXT_FILTERS)]
        if node.name not in known:
            hint = did_you_mean(node.name, known) or f"; use {', '.join(known)}"
            raise ValueError(f"there is no filter {node.name}{hint}")
        self._below(node)

    def _member(self, node: nodes.Getattr | nodes.Getitem) -> None:
        owner = node.node.name if isinstance(node.node, nodes.Name) else None
        member = _member_name(node)
        if owner == "vars" and member is not None:
            self.variables.add(member)
        elif owner is not None and member in _MEMBERS.get(owner, ()):
            self.names.add(owner)
        elif isinstance(node, nodes.Getitem) and member is None and owner != "vars":
            self._below(node)  # characters of a text, such as name[:8]
        else:
            raise ValueError(
                f"{owner or 'a value'} has no member {member or '[…]'};"
                " members are vars.name, window.start and window.end"
            )


def _member_name(node: nodes.Getattr | nodes.Getitem) -> str | None:
    if isinstance(node, nodes.Getattr):
        return node.attr
    index = node.arg
    if isinstance(index, nodes.Const) and isinstance(index.value, str):
        return index.value
    return None


def _names_below(node: nodes.Node) -> Iterator[str]:
    if isinstance(node, nodes.Name):
        yield node.name
    for name in node.find_all(nodes.Name):
        yield name.name


def _sole(template: nodes.Template) -> str | None:
    match template.body:
        case [nodes.Output(nodes=[nodes.Name(name=name)])]:
            return str(name)
        case _:
            return None


def _refusal(node: nodes.Node) -> str:
    if isinstance(node, nodes.For):
        return "loops are not part of templates; use matrix or rows"
    if isinstance(node, nodes.BinExpr):
        return f"the operator {node.operator} is not part of templates"
    what = type(node).__name__.lower()
    return f"{what!r} is not part of templates; only expressions and if are"
