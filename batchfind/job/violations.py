"""What a document has that its schema does not allow, one human sentence a problem."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

from batchfind.job.schema import Schema, load_schema, owners_of, resolve
from batchfind.job.suggest import did_you_mean

Place: TypeAlias = tuple[str | int, ...]

_LONGEST_SHOWN: Final = 40
_KINDS: Final = (
    (dict, "a mapping"),
    (list, "a list"),
    (bool, "true or false"),
    (int, "a number"),
    (float, "a number"),
)
_OF_KIND: Final = frozenset({"type", "enum", "const"})
"""Rules that a mapping, a list or a number breaks where a text is meant."""


def _is_integer(_checker: object, value: object) -> bool:
    # JSON Schema calls 104.0 an integer; as a port or a count it is a slip.
    return isinstance(value, int) and not isinstance(value, bool)


def _referenced(
    validator: Any, reference: str, instance: object, _schema: object
) -> Iterator[ValidationError]:
    """Follows a reference into the job's own schema: there are no others.

    The way jsonschema takes costs more than all else for a list of a thousand items.
    """
    target = resolve({"$ref": reference}, load_schema())
    yield from validator.descend(instance, target)


_Validator: Any = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {"$ref": _referenced},
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer),
)


@dataclass(frozen=True, slots=True)
class Violation:
    """One problem.

    Attributes:
        place: keys and positions that lead to it.
        message: a sentence.
        about_key: the key at this place is wrong, not its value.
        of_nothing: a list or mapping is empty.
    """

    place: Place
    message: str
    about_key: bool
    of_nothing: bool = False


def violations(value: object, schema: Schema) -> Iterator[Violation]:
    """Everything in a document that its schema does not allow.

    Args:
        value: the document as plain values.
        schema: of the document; `$ref` in it points into the schema of jobs.
    """
    for error in _Validator(schema).iter_errors(value):
        yield from _explain(error)


def _explain(error: ValidationError) -> Iterator[Violation]:
    """What one error of jsonschema says, and those within it."""
    about_key = error.validator == "additionalProperties" or _is_name(error)
    if error.validator == "anyOf":
        yield from _alternatives(error)
        return
    of_nothing = error.validator in {"minItems", "minProperties"}
    for place, message in _sentences(error):
        yield Violation(place, message, about_key, of_nothing)


def _sentences(error: ValidationError) -> Iterator[tuple[Place, str]]:
    """Places and sentences of an error that has no others within it."""
    place: Place = tuple(error.absolute_path)
    schema: Schema = error.schema if isinstance(error.schema, dict) else {}
    instance: Any = error.instance
    match error.validator:
        case "additionalProperties":
            yield from _unknown(place, instance, schema)
        case "required":
            missing = [name for name in schema["required"] if name not in instance]
            for name in missing:
                yield place, f"the field '{name}' is missing"
        case _ if _is_name(error):
            name = str(instance)
            meant = did_you_mean(name, map(str, schema.get("enum", ())))
            message = f"'{_short(name)}' is not {schema['title']}{meant}"
            yield (*place, name), message
        case "maximum" if str(schema["maximum"]) not in _title(error):
            yield place, f"must be at most {schema['maximum']}, not {_shown(instance)}"
        case "enum" | "const":
            yield place, _choice(error)
        case "uniqueItems":
            yield place, "must not name anything twice"
        case "minProperties" | "minItems":
            yield place, f"must be {_title(error)}, and not empty"
        case _:
            yield place, _expected(error)


def _unknown(
    place: Place, instance: Any, schema: Schema
) -> Iterator[tuple[Place, str]]:
    known = schema["properties"]
    for name in instance:
        if name not in known:
            yield (*place, name), f"unknown field '{_short(name)}'{_hint(name, known)}"


def _hint(name: str, known: Iterable[str]) -> str:
    longer = [one for one in known if one.startswith(f"{name}_")]
    if longer:
        return f" (did you mean '{longer[0]}'?)"
    owners = owners_of(name)
    if owners:
        return f"; '{name}' belongs in {' or '.join(owners)}"
    return did_you_mean(name, known)


def _alternatives(error: ValidationError) -> Iterator[Violation]:
    """The problems within the only alternative of the right kind, else the whole."""
    # Positions in `context` begin with the number of the alternative.
    by_branch: dict[object, list[ValidationError]] = {}
    inners: list[ValidationError] = list(error.context or ())
    for inner in inners:
        by_branch.setdefault(inner.schema_path[0], []).append(inner)
    fitting = [
        branch
        for branch in by_branch.values()
        if not any(
            one.validator in _OF_KIND and not one.path and not _is_name(one)
            for one in branch
        )
    ]
    if len(fitting) == 1 and (
        isinstance(error.instance, list | dict) or fitting[0][0].validator == "maximum"
    ):
        for inner in fitting[0]:
            yield from _explain(inner)
        return
    choices = [
        str(choice)
        for inner in inners
        if str(inner.validator) in {"enum", "const"}
        for choice in _choices(inner)
    ]
    meant = ""
    if isinstance(error.instance, str):
        meant = did_you_mean(error.instance, choices)
    place: Place = tuple(error.absolute_path)
    yield Violation(place, _expected(error) + meant, about_key=False)


def _choices(error: ValidationError) -> list[Any]:
    value: Any = error.validator_value
    return value if isinstance(value, list) else [value]


def _choice(error: ValidationError) -> str:
    choices = [str(choice) for choice in _choices(error)]
    wanted = choices[0] if len(choices) == 1 else f"one of {', '.join(choices)}"
    shown = _shown(error.instance)
    meant = ""
    if isinstance(error.instance, str):
        meant = did_you_mean(error.instance, choices)
    return f"must be {wanted}, not {shown}{meant}"


def _expected(error: ValidationError) -> str:
    schema: Schema = error.schema if isinstance(error.schema, dict) else {}
    instance: Any = error.instance
    hint = ""
    if _fits_when_quoted(schema, instance):
        hint = "; put it in quotes"
    elif isinstance(instance, str) and _fits_unquoted(schema, instance):
        hint = "; remove the quotes"
    return f"must be {_title(error)}, not {_shown(instance)}{hint}"


def _title(error: ValidationError) -> str:
    """What a valid value is, from the nearest schema that says so."""
    at: Any = error
    while at is not None:
        if isinstance(at.schema, dict) and "title" in at.schema:
            return str(at.schema["title"])
        at = at.parent
    return "another kind of value"


def _fits_when_quoted(schema: Schema, instance: Any) -> bool:
    if schema.get("type") != "string" or not isinstance(instance, int | float):
        return False
    return re.search(schema.get("pattern", ""), str(instance)) is not None


def _fits_unquoted(schema: Schema, instance: str) -> bool:
    if any(_fits_unquoted(one, instance) for one in schema.get("anyOf", ())):
        return True
    if schema.get("type") == "boolean":
        return instance in {"true", "false"}
    return schema.get("type") == "integer" and instance.isdecimal()


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _short(str(value))
    kind = next((text for known, text in _KINDS if isinstance(value, known)), None)
    return kind or f"'{_short(str(value))}'"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def _is_name(error: ValidationError) -> bool:
    return "propertyNames" in error.absolute_schema_path
