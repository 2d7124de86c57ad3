"""The schema is valid, agrees with the model, and its errors are sentences."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from jsonschema import Draft202012Validator

from batchfind.dicom.models import MODELS
from batchfind.dicom.transfer_syntaxes import PRESETS, proposal_of
from batchfind.errors import Mark
from batchfind.job import (
    inputs,
    model,
    output_model,
    peers,
    tls,
    transport_model,
    units,
)
from batchfind.job.reference import SECTIONS, fields_table, with_tables
from batchfind.job.schema import load_schema, resolve, schema_text

Problems: TypeAlias = Callable[[str | bytes], list[str]]
SCHEMA = load_schema()
ROOT = Path(__file__).parents[2]


def fields(definition: str) -> dict[str, Any]:
    owner = SCHEMA["$defs"][definition] if definition else SCHEMA
    return {name: resolve(field, SCHEMA) for name, field in owner["properties"].items()}


def subschemas(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
        for value in schema.values():
            yield from subschemas(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from subschemas(value)


class TestTheSchema:
    def test_is_valid_itself(self) -> None:
        Draft202012Validator.check_schema(SCHEMA)

    def test_is_shipped_as_it_stands(self) -> None:
        assert schema_text() == (ROOT / "schemas/job.schema.json").read_text("utf-8")

    def test_knows_no_field_it_does_not_name(self) -> None:
        for one in subschemas(SCHEMA):
            if isinstance(one.get("properties"), dict) and "type" in one:
                assert one["additionalProperties"] is False

    @pytest.mark.parametrize("definition", SECTIONS.values())
    def test_describes_every_field(self, definition: str) -> None:
        for name, field in fields(definition).items():
            assert field["description"].endswith("."), name
            assert field.get("title") or field.get("enum"), name

    @pytest.mark.parametrize("definition", SECTIONS.values())
    def test_has_defaults_that_are_valid(self, definition: str) -> None:
        for name, field in fields(definition).items():
            if "default" in field:
                validator = Draft202012Validator({**field, "$defs": SCHEMA["$defs"]})
                assert validator.is_valid(field["default"]), name

    def test_names_every_information_model(self) -> None:
        assert fields("query")["model"]["anyOf"][0]["enum"] == list(MODELS)

    def test_shows_every_preset(self) -> None:
        examples = SCHEMA["$defs"]["transferSyntax"]["examples"]
        assert set(PRESETS) <= set(examples)


DEFAULTS: dict[str, type] = {
    "timeouts": model.PeerTimeouts,
    "limits": model.PeerLimits,
    "charset": model.CharsetPolicy,
    "tls": transport_model.Tls,
    "userIdentity": transport_model.UserIdentity,
    "peer": model.Peer,
    "query": model.Query,
    "rows": model.Rows,
    "window": model.Split,
    "then": model.Then,
    "forEach": model.ForEach,
    "expect": model.Expect,
    "repeat": model.Repeat,
    "run": model.RunPolicy,
    "keep": model.Keep,
    "retry": model.RetryPolicy,
    "perRequest": model.PerRequest,
    "output": model.Output,
}
OPTIONS = (
    output_model.OutputOptions,
    output_model.CsvOptions,
    output_model.XmlOptions,
    output_model.DicomOptions,
    output_model.ParquetOptions,
)
READ: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(["connect", "acse", "response", "cancel"], units.seconds),
    **dict.fromkeys(["release", "idle", "every", "time"], units.seconds),
    **dict.fromkeys(["backoff", "max_backoff", "deadline"], units.seconds),
    "bytes": units.size,
    "rate": units.rate,
    "hours": lambda text: () if text == "any" else (text,),
    "outside_hours": model.OutsideHours,
    "priority": model.Priority,
    "publish": model.Publish,
    "overwrite": output_model.Overwrite,
    "table": output_model.TableKind,
    "where": output_model.Where,
    "limit": lambda text: None if text == "none" else text,
    "lint": model.Lint,
    "ip_version": lambda text: None if text == "auto" else text,
    "format": transport_model.FileFormat,
    "verify": lambda text: text == "required",
    **dict.fromkeys(["carry", "unique", "not_null", "keys", "then"], tuple),
    "floor": units.seconds,
    "unset": model.Unset,
    "dedupe": model.Dedupe,
    "verify_matches": model.Verify,
    "assume": lambda text: None if text == "none" else text,
    "override": lambda text: None if text == "none" else text,
    "request": lambda text: () if text == "auto" else (text,),
}
ELSEWHERE = {
    ("peer", "called_ae"): peers.CALLED_AE,
    ("peer", "calling_ae"): peers.CALLING_AE,
    ("peer", "transfer_syntaxes"): peers.STANDARD,
    ("peer", "tls"): tls.OFF,
    ("peer", "new_vr"): "keep",  # Peer.new_vr_as_ob is False
    ("userIdentity", "response"): False,  # READ knows the timeout of this name
    ("rows", "encoding"): inputs.UTF_8,
    ("rows", "on_empty"): "error",  # Rows.skip_empty is False
    ("run", "on_failure"): "continue",  # RunPolicy.stop_on_failure is False
    ("run", "overlap"): "refuse",  # RunPolicy.overlap is False
    ("limits", "response_cap"): "auto",  # ResponseCap.auto is True
    ("output", "names"): "as-sent",  # OutputOptions.components is False
    ("window", "split"): "off",  # Window.split is None
    ("forEach", "max"): model.ForEach(mark=Mark(""), query="").limit,
}


@pytest.mark.parametrize(
    ("definition", "name", "written"),
    [
        (definition, name, field["default"])
        for definition in DEFAULTS
        for name, field in fields(definition).items()
        if "default" in field
    ],
)
def test_a_default_is_the_model_s(definition: str, name: str, written: Any) -> None:
    if (definition, name) in ELSEWHERE:
        assert written == ELSEWHERE[definition, name]
        return
    owners = [DEFAULTS[definition], *(OPTIONS if definition == "output" else ())]
    field = next(
        one for owner in owners for one in dataclasses.fields(owner) if one.name == name
    )
    read = READ.get(name, lambda value: value)
    assert read(written) == field.default


def test_the_default_proposal_is_a_preset() -> None:
    assert proposal_of((peers.STANDARD,)) == PRESETS["standard"]


class TestTheReference:
    def test_has_tables_as_the_schema_gives_them(self) -> None:
        document = (ROOT / "docs/job-file.md").read_text("utf-8")
        assert with_tables(document) == document

    @pytest.mark.parametrize("section", SECTIONS)
    def test_lists_every_field(self, section: str) -> None:
        document = (ROOT / "docs/job-file.md").read_text("utf-8")
        table = fields_table(section)
        assert table in document
        for name in fields(SECTIONS[section]):
            assert f"| `{name}` |" in table


UNKNOWN = {
    "job": ("nmae: x", "4:1", "nmae", "(did you mean 'name'?)"),
    "peer": ("peers: {p: {prot: 1}}", "4:13", "peers.p.prot", "(did you mean 'port'?)"),
    "timeouts": (
        "peers: {p: {timeouts: {respnse: 1s}}}",
        "4:24",
        "peers.p.timeouts.respnse",
        "(did you mean 'response'?)",
    ),
    "limits": (
        "peers: {p: {limits: {association: 1}}}",
        "4:22",
        "peers.p.limits.association",
        "; 'association' belongs in a query's repeat",
    ),
    "charset": (
        "peers: {p: {charset: {asume: GBK}}}",
        "4:23",
        "peers.p.charset.asume",
        "(did you mean 'assume'?)",
    ),
    "tls": (
        "tls: {t: {certificat: a}}",
        "4:11",
        "tls.t.certificat",
        "(did you mean 'certificate'?)",
    ),
    "seed": (
        "tls: {t: {seed: {fiel: a}}}",
        "4:18",
        "tls.t.seed.fiel",
        "(did you mean 'file'?)",
    ),
    "negotiation": (
        "peers: {p: {negotiation: {fuzy: prefer}}}",
        "4:27",
        "peers.p.negotiation.fuzy",
        "(did you mean 'fuzzy'?)",
    ),
    "user_identity": (
        "peers: {p: {user_identity: {user: x}}}",
        "4:29",
        "peers.p.user_identity.user",
        "(did you mean 'username'?)",
    ),
    "peer_defaults": (
        "peer_defaults: {host: h}",
        "4:17",
        "peer_defaults.host",
        "; 'host' belongs in a peer",
    ),
    "query": (
        "queries: {q: {key: {}}}",
        "4:15",
        "queries.q.key",
        "; 'key' belongs in an entry of tls or a query's window",
    ),
    "rows": (
        "queries: {q: {rows: {form: a.csv}}}",
        "4:22",
        "queries.q.rows.form",
        "(did you mean 'from'?)",
    ),
    "window": (
        "queries: {q: {window: {start: x}}}",
        "4:24",
        "queries.q.window.start",
        "",
    ),
    "then": (
        "queries: {q: {window: {then: [{kye: x}]}}}",
        "4:32",
        "queries.q.window.then[0].kye",
        "(did you mean 'key'?)",
    ),
    "for_each": (
        "queries: {q: {for_each: {qurey: x}}}",
        "4:26",
        "queries.q.for_each.qurey",
        "(did you mean 'query'?)",
    ),
    "expect": (
        "queries: {q: {expect: {compleet: true}}}",
        "4:24",
        "queries.q.expect.compleet",
        "(did you mean 'complete'?)",
    ),
    "repeat": (
        "queries: {q: {repeat: {time: 2}}}",
        "4:24",
        "queries.q.repeat.time",
        "; 'time' belongs in run.per_request",
    ),
    "cancel": (
        "queries: {q: {cancel: {afterresponses: 2}}}",
        "4:24",
        "queries.q.cancel.afterresponses",
        "(did you mean 'after_responses'?)",
    ),
    "run": ("run: {concurency: 1}", "4:7", "run.concurency", "'concurrency'?)"),
    "keep": ("run: {keep: {dais: 1}}", "4:14", "run.keep.dais", "'days'?)"),
    "per_request": (
        "run: {per_request: {respones: 1}}",
        "4:21",
        "run.per_request.respones",
        "(did you mean 'responses'?)",
    ),
    "output": (
        "outputs: [{fromat: csv}]",
        "4:12",
        "outputs[0].fromat",
        "(did you mean 'format'?)",
    ),
}


@pytest.mark.parametrize(
    ("line", "where", "path", "hint"), UNKNOWN.values(), ids=UNKNOWN
)
def test_an_unknown_field_is_an_error_with_a_suggestion(
    problems: Problems, line: str, where: str, path: str, hint: str
) -> None:
    name = path.rpartition(".")[2]
    found = problems(f"version: 1\nname: x\ntimezone: UTC\n{line}\n")
    (problem,) = [one for one in found if "unknown field" in one]
    assert problem.startswith(f"job.yaml:{where}: {path}: unknown field '{name}'")
    assert problem.endswith(hint)


@pytest.mark.parametrize(
    "name",
    [
        *("key_file", "quoting", "sheet", "index"),
    ],
)
def test_the_schema_lists_nothing_that_does_not_work(name: str) -> None:
    for definition in SECTIONS.values():
        assert name not in fields(definition)


class TestMessages:
    @pytest.mark.parametrize(
        ("line", "problem"),
        [
            ("run: {concurrency: 0}", "must be an integer, 1 or more, not 0"),
            ("run: {retry: {attempts: 0}}", "must be an integer, 1 or more, not 0"),
            ("run: {concurrency: }", "must be an integer, 1 or more, not nothing"),
            ("run: []", "must be a mapping of run fields, not a list"),
            ("run: {executor: dask}", "must be local, not 'dask'"),
            (
                "run: {on_failure: stopp}",
                "must be one of continue, stop, not 'stopp' (did you mean 'stop'?)",
            ),
            (
                "run: {per_request: {time: 5}}",
                (
                    "must be a duration above zero such as 500ms, 30s, 5m, 1h or "
                    "2d, or none, not 5"
                ),
            ),
            (
                "run: {per_request: {bytes: 1GB}}",
                (
                    "must be a number of bytes such as 16384, 64KiB, 16MiB or "
                    "1GiB, not '1GB'"
                ),
            ),
            ("description: 5", "must be a text, not 5; put it in quotes"),
            ("vars: {a: [1]}", "must be a text, not a list"),
            (
                "vars: {a-b: 1}",
                (
                    "'a-b' is not a template name: a letter or '_', then letters, "
                    "digits and '_'"
                ),
            ),
            ("include: []", "must be a path or a list of paths, and not empty"),
            ("include: [a, a]", "must not name anything twice"),
            (
                "outputs: [{format: csv}]",
                "the field 'path' is missing",
            ),
            (
                "outputs: [{format: csv, path: a, queries: [{a: b}]}]",
                "must be a query name, not a mapping",
            ),
        ],
    )
    def test_are_one_sentence(
        self, problems: Problems, line: str, problem: str
    ) -> None:
        found = problems(f"version: 1\nname: x\n{line}\n")
        assert any(one.endswith(f": {problem}") for one in found), found

    def test_end_after_a_hundred(self, problems: Problems) -> None:
        lines = "".join(f"field{number}: 1\n" for number in range(300))
        found = problems(lines)
        assert len(found) == 101
        assert "further problems are not shown" in found[-1] or len(found) == 101
