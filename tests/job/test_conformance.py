"""The quick yes of `conforms` is what jsonschema says too."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from batchfind.job.conformance import conforms
from batchfind.job.schema import load_schema
from batchfind.job.violations import violations

JOBS: Final = sorted((Path(__file__).parents[2] / "jobs").glob("*.yaml"))

SCALARS: Final = (
    st.none()
    | st.booleans()
    | st.integers(-2, 70_000)
    | st.sampled_from([0.5, 1.0, 104.0])
    | st.sampled_from(["", "a", "A_B", "5s", "10MiB", "study", "true", "1.2", "é"])
)
VALUES: Final = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["", "host", "a", "b"]), inner, max_size=3)
    ),
    max_leaves=4,
)

EVERYTHING: Final[dict[str, Any]] = {
    "version": 1,
    "name": "everything",
    "peers": {
        "pacs": {
            "host": "pacs.example",
            "port": 104,
            "called_ae": "PACS",
            "limits": {"associations": 2, "response_cap": "none"},
            "timeouts": {"connect": "5s"},
        },
        "demo": {"demo": "pacs"},
    },
    "queries": {
        "ct": {
            "model": "study",
            "level": "STUDY",
            "peers": ["pacs", "demo"],
            "keys": {"PatientID": "", "Modality": ["CT", "MR"]},
            "matrix": {"site": ["a", "b"]},
        }
    },
    "run": {"dir": "runs", "concurrency": 4, "per_request": {"bytes": "1GiB"}},
    "outputs": [{"format": "csv", "path": "out.csv"}],
}


def is_valid(value: object, schema: dict[str, Any]) -> bool:
    return next(violations(value, schema), None) is None


def agree(value: object, schema: dict[str, Any]) -> bool:
    valid = is_valid(value, schema)
    assert conforms(value, schema, schema) == valid
    return valid


def places(value: object, so_far: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place within a value, its own first."""
    steps: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        steps = list(value.items())
    elif isinstance(value, list):
        steps = list(enumerate(value))
    return [so_far, *(at for key, one in steps for at in places(one, (*so_far, key)))]


class TestOfJobs:
    @pytest.mark.parametrize("path", JOBS, ids=lambda path: path.stem)
    def test_shipped_ones_get_the_quick_yes(self, path: Path) -> None:
        value = json.loads(json.dumps(yaml.safe_load(path.read_text()), default=str))
        assert agree(value, load_schema())

    def test_one_with_a_bit_of_everything_gets_it(self) -> None:
        assert agree(EVERYTHING, load_schema())

    @settings(deadline=None, max_examples=300)
    @given(st.data())
    def test_one_changed_anywhere_is_judged_alike(self, data: st.DataObject) -> None:
        job = deepcopy(EVERYTHING)
        *way, last = data.draw(st.sampled_from(places(job)[1:]))
        target: Any = job
        for step in way:
            target = target[step]
        name = data.draw(st.sampled_from(["demo", "host", "typo", "keys", "", "x y"]))
        match data.draw(st.sampled_from(["replace", "remove", "add"])):
            case "remove":
                del target[last]
            case "add" if isinstance(target, dict):
                target[name] = data.draw(VALUES)
            case _:
                target[last] = data.draw(VALUES)
        if conforms(job, load_schema(), load_schema()):
            assert is_valid(job, load_schema())


RULES: Final[list[dict[str, Any]]] = [
    {"type": "string", "minLength": 1, "maxLength": 2},
    {"type": ["integer", "null"], "minimum": 1, "maximum": 104},
    {"type": "number", "minimum": 0.5},
    {"type": "boolean"},
    {"enum": ["a", 1, None]},
    {"enum": [True, 0]},
    {"const": 1},
    {"pattern": "^[a-z]+$"},
    {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 2},
    {"items": {"type": "string"}, "uniqueItems": True},
    {"uniqueItems": False},
    {"required": ["a"], "minProperties": 1, "maxProperties": 2},
    {"properties": {"a": {"type": "string"}}, "additionalProperties": False},
    {"properties": {"a": {}}, "additionalProperties": {"type": "integer"}},
    {
        "additionalProperties": True,
        "propertyNames": {"title": "a or b", "pattern": "^[ab]?$"},
    },
    {"anyOf": [{"type": "string"}, {"type": "object", "required": ["host"]}]},
    {"$ref": "#/$defs/timeouts", "maxProperties": 1},
]


class TestOfEachKeyword:
    @pytest.mark.parametrize("rule", RULES, ids="-".join)
    @settings(deadline=None, max_examples=60)
    @given(value=VALUES)
    def test_is_what_jsonschema_says(self, rule: dict[str, Any], value: object) -> None:
        quick = conforms(value, rule, load_schema())
        assert not quick or is_valid(value, rule)
        if type(value) in {str, int, bool, dict} and not rule.get("uniqueItems"):
            assert quick == is_valid(value, rule)

    @pytest.mark.parametrize(
        "rule",
        [
            {"multipleOf": 2},
            {"patternProperties": {"a": {}}, "additionalProperties": False},
            {"prefixItems": [{}], "items": False},
            {"type": "unheard-of"},
            {"uniqueItems": True, "title": "of other things than text"},
        ],
        ids=lambda rule: next(iter(rule)),
    )
    def test_not_understood_is_no_yes(self, rule: dict[str, Any]) -> None:
        value = [1, 2] if "uniqueItems" in rule else {"a": 1}
        assert not conforms(value, rule, rule)
