"""Whether a value is what a schema allows: yes, or a closer look is needed.

A library that can say what is wrong takes longer to import than most documents to
read, and most documents are right. It is asked only after a no. A no may be wrong,
a yes never: a keyword that is not known here and every doubt are a no.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType, NoneType
from typing import Any, Final

from batchfind.job.schema import Schema, resolve

_TYPES: Final[Mapping[str, frozenset[type]]] = MappingProxyType(
    {
        "array": frozenset({list}),
        "boolean": frozenset({bool}),
        "integer": frozenset({int}),
        "null": frozenset({NoneType}),
        "number": frozenset({int, float}),
        "object": frozenset({dict}),
        "string": frozenset({str}),
    }
)
_NUMBERS: Final = _TYPES["number"]
_ANNOTATIONS: Final = frozenset(
    {"$defs", "$id", "$schema", "default", "description", "examples", "title"}
)
_SIBLINGS: Final = "properties"
"""What `additionalProperties` is about depends on it."""


def conforms(value: object, schema: Schema, root: Schema) -> bool:
    """Whether a value certainly keeps to a schema.

    Args:
        value: dicts with keys of text, lists, text, numbers, booleans and None.
        schema: JSON Schema, draft 2020-12.
        root: the whole schema, into which `$ref` points.

    Returns:
        False also where a part of the schema is not understood.
    """
    for keyword, rule in schema.items():
        if keyword in _ANNOTATIONS:
            continue
        kept = _RULES.get(keyword)
        if kept is None or not kept(value, rule, schema, root):
            return False
    return True


def _reference(value: object, rule: str, _schema: Schema, root: Schema) -> bool:
    return conforms(value, resolve({"$ref": rule}, root), root)


def _type(value: object, rule: str | list[str], _schema: Schema, _root: Schema) -> bool:
    names = [rule] if isinstance(rule, str) else rule
    # Not isinstance: to Python, true is a number.
    return any(type(value) in _TYPES.get(name, ()) for name in names)


def _enum(value: object, rule: list[Any], _schema: Schema, _root: Schema) -> bool:
    return any(_const(value, choice, _schema, _root) for choice in rule)


def _const(value: object, rule: object, _schema: Schema, _root: Schema) -> bool:
    return type(value) is type(rule) and value == rule


def _any_of(value: object, rule: list[Schema], _schema: Schema, root: Schema) -> bool:
    return any(conforms(value, one, root) for one in rule)


def _properties(
    value: object, rule: Mapping[str, Schema], _schema: Schema, root: Schema
) -> bool:
    return not isinstance(value, dict) or all(
        conforms(value[name], one, root) for name, one in rule.items() if name in value
    )


def _additional(
    value: object, rule: Schema | bool, schema: Schema, root: Schema
) -> bool:
    if not isinstance(value, dict):
        return True
    known = schema.get(_SIBLINGS, {})
    others = [one for name, one in value.items() if name not in known]
    if isinstance(rule, bool):
        return rule or not others
    return all(conforms(one, rule, root) for one in others)


def _names(value: object, rule: Schema, _schema: Schema, root: Schema) -> bool:
    return not isinstance(value, dict) or all(
        conforms(name, rule, root) for name in value
    )


def _required(value: object, rule: list[str], _schema: Schema, _root: Schema) -> bool:
    return not isinstance(value, dict) or all(name in value for name in rule)


def _items(value: object, rule: Schema, _schema: Schema, root: Schema) -> bool:
    return not isinstance(value, list) or all(
        conforms(one, rule, root) for one in value
    )


def _unique(value: object, rule: bool, _schema: Schema, _root: Schema) -> bool:
    if not rule or not isinstance(value, list):
        return True
    # Of other things it takes more to tell whether they are the same.
    return all(isinstance(one, str) for one in value) and len(set(value)) == len(value)


def _pattern(value: object, rule: str, _schema: Schema, _root: Schema) -> bool:
    return not isinstance(value, str) or re.search(rule, value) is not None


def _least(value: object, rule: float, _schema: Schema, _root: Schema) -> bool:
    return type(value) not in _NUMBERS or value >= rule  # type: ignore[operator]


def _most(value: object, rule: float, _schema: Schema, _root: Schema) -> bool:
    return type(value) not in _NUMBERS or value <= rule  # type: ignore[operator]


def _length(kind: type[str | list[Any] | dict[str, Any]], *, least: bool) -> _Rule:
    """A bound of how long values of one type are."""

    def kept(value: object, rule: int, _schema: Schema, _root: Schema) -> bool:
        if not isinstance(value, kind):
            return True
        return len(value) >= rule if least else len(value) <= rule

    return kept


_Rule = Callable[[object, Any, Schema, Schema], bool]

_RULES: Final[Mapping[str, _Rule]] = MappingProxyType(
    {
        "$ref": _reference,
        "additionalProperties": _additional,
        "anyOf": _any_of,
        "const": _const,
        "enum": _enum,
        "items": _items,
        "maxItems": _length(list, least=False),
        "maxLength": _length(str, least=False),
        "maxProperties": _length(dict, least=False),
        "maximum": _most,
        "minItems": _length(list, least=True),
        "minLength": _length(str, least=True),
        "minProperties": _length(dict, least=True),
        "minimum": _least,
        "pattern": _pattern,
        "properties": _properties,
        "propertyNames": _names,
        "required": _required,
        "type": _type,
        "uniqueItems": _unique,
    }
)
