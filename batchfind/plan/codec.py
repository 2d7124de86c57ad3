"""A plan as JSON: what `plan --json` prints and a run directory keeps."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import islice
from typing import Any, Final, NoReturn

from batchfind.dicom.dictionary import STANDARD, Dictionary
from batchfind.dicom.dictionary_entries import read_entry
from batchfind.dicom.identifier import Element
from batchfind.dicom.paths import KeyPath, Step
from batchfind.errors import JobError, Mark, Problem, StorageError
from batchfind.job.hours import Interval, interval
from batchfind.job.transport_model import Secret, SecretKind
from batchfind.job.units import Rate, rate
from batchfind.plan.faults import faults
from batchfind.plan.json_text import COMPACT, READABLE, JsonText
from batchfind.plan.model import Plan, Request
from batchfind.plan.structure import Form, Malformed, Structure

VERSION: Final = 1
_MEMBERS: Final = 3  # of an element: tag, VR and value
_TAG: Final = re.compile(r"[0-9a-f]{8}")
_VM: Final = "multiplicity"
_VR: Final = re.compile(r"[A-Z]{2}")


def to_json(plan: Plan) -> dict[str, Any]:
    """A plan as a value of schemas/plan.schema.json."""
    written: dict[str, Any] = Structure(_forms()).write(plan)
    return written


def from_json(data: Any, *, source: str = "plan.json") -> Plan:
    """The plan that `to_json` made `data` of.

    Args:
        data: parsed JSON.
        source: name of the file, for problems.

    Raises:
        JobError: when `data` is no plan, or was changed after it was planned: its
            request keys and digest are computed anew.
    """
    if not isinstance(data, dict) or data.get("version") != VERSION:
        message = f"is no plan of version {VERSION}; make one with plan --json"
        raise JobError([Problem(Mark(source), "", message)])
    try:
        plan: Plan = Structure(_forms()).read(Plan, data, "")
    except Malformed as error:
        problem = Problem(Mark(source), error.path, error.message)
        raise JobError([problem]) from None
    for fault in islice(faults(plan, data), 1):
        raise JobError([Problem(Mark(source), *fault)])
    return plan


def dumps(plan: Plan) -> str:
    """A plan as JSON text, one line with a line feed at its end."""
    forms = {kind: form.write for kind, form in _forms().items()}
    return JsonText(READABLE, forms, (Element,), (Request,)).of(plan) + "\n"


def loads(text: str, *, source: str = "plan.json") -> Plan:
    """The plan of a JSON text.

    Args:
        text: as `dumps` writes it, in any layout.
        source: name of the file, for problems.

    Raises:
        JobError: as `from_json`, and when `text` is no JSON.
    """
    try:
        data = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        message = f"is no JSON: {error}"
        raise JobError([Problem(Mark(source), "", message)]) from None
    return from_json(data, source=source)


def request_texts(requests: Iterable[Request]) -> Iterator[str]:
    """Requests as JSON texts without blanks, as a capture keeps them.

    Args:
        requests: all of them live as long as the iterator.
    """
    forms = {kind: form.write for kind, form in _forms().items()}
    return map(JsonText(COMPACT, forms, (Element,), (Request,)).of, requests)


def request_from_json(data: Mapping[str, Any]) -> Request:
    """The request that `request_texts` made the JSON text of `data` of.

    Raises:
        StorageError: it is no request.
    """
    try:
        request: Request = Structure(_forms()).read(Request, dict(data), "request")
    except Malformed as error:
        raise StorageError(
            f"a stored request is damaged ({error}): restore the capture from a copy, "
            "or run the job again"
        ) from error
    return request


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _forms() -> dict[type, Form]:
    return {
        Element: Form(_write_element, _Elements().read),
        Dictionary: Form(_write_dictionary, _read_dictionary),
        KeyPath: Form(_write_path, _read_path),
        Secret: Form(_write_secret, _read_secret),
        Rate: Form(str, partial(_read_text, rate)),
        Interval: Form(str, partial(_read_text, interval)),
    }


def _write_element(element: Element) -> dict[str, Any]:
    written: dict[str, Any] = {"tag": f"{element.tag:08x}", "vr": element.vr}
    match element.value:
        case str(text):
            written["value"] = text
        case bytes(data):
            written["bytes"] = data.hex()
        case items:
            written["items"] = [[_write_element(one) for one in item] for item in items]
    return written


class _Elements:
    """Reads elements; equal ones become one object, as they were when planned."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str], Element] = {}

    def read(self, data: Any, path: str) -> Element:
        if not isinstance(data, dict) or len(data) != _MEMBERS:
            return _read_element(data, path)
        tag, vr, text = data.get("tag"), data.get("vr"), data.get("value")
        if type(text) is not str or type(tag) is not str or type(vr) is not str:
            return _read_element(data, path)
        known = self._known.get((tag, vr, text))
        if known is None:
            known = self._known[tag, vr, text] = _read_element(data, path)
        return known


def _read_element(data: Any, path: str) -> Element:
    match data:
        case {"tag": str(tag), "vr": str(vr), "value": str(text), **rest} if not rest:
            value: Any = text
        case {"tag": str(tag), "vr": str(vr), "bytes": str(octets), **rest} if not rest:
            value = _read_bytes(octets, f"{path}.bytes")
        case {"tag": str(tag), "vr": str(vr), "items": list(items), **rest} if not rest:
            value = tuple(
                _read_item(item, f"{path}.items[{i}]") for i, item in enumerate(items)
            )
        case _:
            raise Malformed(path, "must have tag, vr, and one of value, bytes, items")
    return Element(_read_tag(tag, path), _read_vr(vr, path), value)


def _read_item(data: Any, path: str) -> tuple[Element, ...]:
    if not isinstance(data, list):
        raise Malformed(path, "must be a list")
    return tuple(_read_element(one, f"{path}[{i}]") for i, one in enumerate(data))


def _read_bytes(octets: str, path: str) -> bytes:
    try:
        return bytes.fromhex(octets)
    except ValueError:
        raise Malformed(path, "must be hexadecimal digits, two a byte") from None


def _read_tag(tag: str, path: str) -> int:
    if not _TAG.fullmatch(tag):
        raise Malformed(f"{path}.tag", "must be eight hexadecimal digits, lower case")
    return int(tag, 16)


def _read_vr(vr: str, path: str) -> str:
    if not _VR.fullmatch(vr):
        raise Malformed(f"{path}.vr", "must be two capital letters")
    return vr


def _write_path(path: KeyPath) -> list[dict[str, Any]]:
    return [_write_step(step) for step in path.steps]


def _write_step(step: Step) -> dict[str, Any]:
    """A step; what a dictionary file says about it, only where one does."""
    written = {
        "tag": f"{step.tag:08x}",
        "vr": step.vr,
        "item": step.item,
        "creator": step.creator,
    }
    if step.keyword is not None:
        written["keyword"] = step.keyword
    if step.multiplicity is not None:
        written["multiplicity"] = step.multiplicity
    return written


def _read_path(data: Any, path: str) -> KeyPath:
    if not isinstance(data, list) or not data:
        raise Malformed(path, "must be a list of steps")
    steps = enumerate(data)
    return KeyPath(tuple(_read_step(step, f"{path}[{i}]") for i, step in steps))


def _write_secret(secret: Secret) -> dict[str, Any]:
    """Where a secret comes from; one that stands in the job itself stays there."""
    return {"kind": secret.kind.value, "name": secret.name}


def _read_secret(data: Any, path: str) -> Secret:
    kinds = {kind.value: kind for kind in SecretKind}
    match data:
        case {"kind": str(kind), "name": str(name), **rest} if (
            not rest and kind in kinds
        ):
            return Secret(kinds[kind], name)
        case _:
            raise Malformed(path, "must have kind and name, nothing else")


def _read_text(parse: Callable[[str], Any], data: Any, path: str) -> Any:
    """What a job writes as a text, and a plan likewise."""
    if not isinstance(data, str):
        raise Malformed(path, "must be a text")
    try:
        return parse(data)
    except ValueError as error:
        raise Malformed(path, str(error)) from None


def _write_dictionary(dictionary: Dictionary) -> list[str]:
    """Its entries as lines of a dictionary file."""
    return [entry.line for entry in dictionary.entries]


def _read_dictionary(data: Any, path: str) -> Dictionary:
    if not isinstance(data, list) or not all(isinstance(one, str) for one in data):
        raise Malformed(path, "must be a list of texts")
    if not data:
        return STANDARD
    try:
        return Dictionary(tuple(map(read_entry, data)))
    except ValueError as error:
        raise Malformed(path, str(error)) from None


def _read_step(data: Any, path: str) -> Step:
    added: dict[str, str | None] = {"keyword": None, _VM: None}
    if isinstance(data, dict):
        data = {**data}
        added |= {name: data.pop(name) for name in added.keys() & data.keys()}
    if not all(isinstance(one, str | None) for one in added.values()):
        raise Malformed(path, "keyword and multiplicity must be texts")
    match data:
        case {
            "tag": str(tag),
            "vr": str(vr),
            "item": int(item),
            "creator": str() | None as creator,
            **rest,
        } if not rest and item >= 0:
            numbers = _read_tag(tag, path), _read_vr(vr, path)
            return Step(*numbers, item, creator, added["keyword"], added[_VM])
        case _:
            raise Malformed(path, "must have tag, vr, item and creator, nothing else")
