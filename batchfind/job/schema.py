"""The JSON Schemas of batchfind's documents; nothing else reads their files."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, TypeAlias

Schema: TypeAlias = dict[str, Any]


def schema_text(name: str = "job") -> str:
    """The text of a schema as it is shipped.

    Args:
        name: the document it describes, such as `job`.

    Returns:
        JSON, from the installed package or else from the checkout around it.
    """
    file = f"{name}.schema.json"
    packaged = resources.files("batchfind") / "schemas" / file
    if packaged.is_file():
        return packaged.read_text(encoding="utf-8")
    checkout = Path(__file__).parents[2] / "schemas" / file
    return checkout.read_text(encoding="utf-8")


@cache
def load_schema(name: str = "job") -> Schema:
    """A schema as a value; do not change it."""
    schema: Schema = json.loads(schema_text(name))
    return schema


def resolve(schema: Schema, root: Schema) -> Schema:
    """A subschema with its `$ref` replaced by what it names.

    Args:
        schema: the subschema; what stands beside `$ref` wins.
        root: the whole schema, into which `$ref` points.

    Returns:
        The subschema without `$ref`.
    """
    while "$ref" in schema:
        target: Any = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        schema = {**target, **{k: v for k, v in schema.items() if k != "$ref"}}
    return schema


@cache
def owners_of(field: str) -> tuple[str, ...]:
    """Sections of a job in which a field is known, such as `a query`."""
    owners = {
        "a job": load_schema(),
        "a peer": _definition("peer"),
        "a peer's timeouts": _definition("timeouts"),
        "a peer's limits": _definition("limits"),
        "a peer's charset": _definition("charset"),
        "a peer's negotiation": _definition("negotiation"),
        "a peer's user_identity": _definition("userIdentity"),
        "an entry of tls": _definition("tls"),
        "a query": _definition("query"),
        "a query's rows": _definition("rows"),
        "a query's window": _definition("window"),
        "a query's for_each": _definition("forEach"),
        "a query's expect": _definition("expect"),
        "a query's repeat": _definition("repeat"),
        "a query's cancel": _definition("cancel"),
        "run": _definition("run"),
        "run.retry": _definition("retry"),
        "run.per_request": _definition("perRequest"),
        "an output": _definition("output"),
    }
    return tuple(name for name, owner in owners.items() if field in owner["properties"])


def _definition(name: str) -> Schema:
    definition: Schema = load_schema()["$defs"][name]
    return definition
