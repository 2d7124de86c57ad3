"""plan.json holds the whole plan, and a changed one is refused."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from batchfind.errors import JobError
from batchfind.job.schema import load_schema
from batchfind.plan.codec import dumps, from_json, loads, to_json
from batchfind.plan.model import Plan
from tests.plan.planning import Planner, element

JOB = """
queries:
  worklist:
    model: worklist
    files: [base.dcm]
    rows: {from: rows.csv, on_empty: skip, literal: false}
    carry: all
    keys:
      PatientName: "{{ name }}"
      '0019,"ACME 1.1",10': ""
      ScheduledProcedureStepSequence: {Modality: CT}
    cancel: {after_responses: 7, after: 1500ms}
  studies:
    model: study
    level: STUDY
    keys: {StudyInstanceUID: ""}
    window: {key: StudyDate, from: 2026-01-01, to: 2026-01-01, step: 12h}
    repeat: {times: 2, every: 500ms, association: new}
outputs:
  - {format: parquet, path: "{{ query }}.parquet"}
"""


@pytest.fixture
def plan(planner: Planner) -> Plan:
    base = (element("EncapsulatedDocument", b"\x00\x01"), element("PatientSex", "F"))
    return planner.plan(
        JOB,
        tables={"worklist": "name\nMüller^*\n山田^*\n\nDoe^*"},
        files={"base.dcm": tuple(sorted(base, key=lambda one: one.tag))},
    )


def refusal(data: Any) -> str:
    with pytest.raises(JobError) as caught:
        from_json(data)
    (problem,) = caught.value.problems
    assert problem.mark.file == "plan.json"
    return f"{problem.path}: {problem.message}"


class TestRoundTrip:
    def test_a_plan_comes_back_equal(self, plan: Plan) -> None:
        assert plan.skipped
        assert plan.warnings
        assert loads(dumps(plan)) == plan
        assert dumps(loads(dumps(plan))) == dumps(plan)
        whole = json.dumps(to_json(plan), ensure_ascii=False, allow_nan=False)
        assert dumps(plan) == f"{whole}\n"

    def test_the_text_is_one_line(self, plan: Plan) -> None:
        assert dumps(plan).count("\n") == 1
        assert "Müller" in dumps(plan)

    @settings(
        deadline=None,
        max_examples=30,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(
        names=st.lists(
            st.text("ABC^äЯ山", min_size=1, max_size=5), min_size=1, max_size=4
        ),
        times=st.integers(1, 3),
    )
    def test_any_generated_plan_comes_back(
        self, planner: Planner, names: list[str], times: int
    ) -> None:
        text = f"""
        queries:
          q:
            model: worklist
            matrix: {{name: {json.dumps(sorted(set(names)))}}}
            repeat: {{times: {times}, every: 1s}}
            keys: {{PatientName: "{{{{ name }}}}"}}
        """
        plan = planner.plan(text)
        assert loads(dumps(plan)) == plan
        _validator().validate(to_json(plan))


OUTPUTS = """
  - {format: csv, path: a.csv, queries: studies, dialect: excel, delimiter: ;,
     null_token: x, columns: [StudyInstanceUID, {from: StudyDate, as: day}]}
  - {format: csv, path: b.csv, queries: worklist, table: requests, where: failed}
  - {format: parquet, path: c, queries: studies, types: {TM: time64}, mode: "0640",
     partition_by: [{key: StudyDate, by: month}, bf_peer], provenance: [bf_run_id],
     row_group_size: 10, compression: none, overwrite: append, group: staff}
  - {format: jsonl, path: d.jsonl, queries: studies, limit: 5}
  - {format: dicom, path: e.zip, queries: studies, layout: zip}
  - {format: xml, path: f, queries: studies, layout: files, dialect: native}
"""


class TestSchema:
    def test_a_plan_with_every_kind_of_output_is_valid(self, planner: Planner) -> None:
        head, _, _ = JOB.partition("  - {format")
        plan = planner.plan(
            head.replace("    files: [base.dcm]\n", "") + OUTPUTS,
            tables={"worklist": "name\nDoe^*\nDoe^*"},
        )
        assert len(plan.outputs) == 6
        _validator().validate(to_json(plan))
        assert loads(dumps(plan)) == plan

    def test_the_schema_is_a_schema(self) -> None:
        Draft202012Validator.check_schema(load_schema("plan"))

    def test_a_plan_is_valid(self, plan: Plan) -> None:
        _validator().validate(to_json(plan))

    def test_it_names_every_field_of_a_plan(self) -> None:
        names = [field.name for field in dataclasses.fields(Plan)]
        assert list(load_schema("plan")["properties"]) == names
        assert load_schema("plan")["required"] == names


class TestRefusals:
    @pytest.mark.parametrize(
        ("change", "where"),
        [
            (lambda d: d.update(version=2), "is no plan of version 1"),
            (lambda d: d.pop("job"), ": the field job is missing"),
            (lambda d: d.update(more=1), ": there is no field 'more'"),
            (lambda d: d.update(job=1), "job: must be a text"),
            (lambda d: d.update(requests={}), "requests: must be a list"),
            (lambda d: d.update(peers=[]), "peers: must be an object"),
            (
                lambda d: d["policy"].update(concurrency=True),
                "policy.concurrency: must be a whole number",
            ),
            (
                lambda d: d["policy"].update(stop_on_failure=1),
                "policy.stop_on_failure: must be true or false",
            ),
            (
                lambda d: d["requests"][0].update(not_before="1"),
                "requests[0].not_before: must be a number",
            ),
            (
                lambda d: d["requests"][0].update(priority="urgent"),
                "requests[0].priority: must be one of medium, high, low",
            ),
            (
                lambda d: d["requests"][0].update(priority=[]),
                "requests[0].priority: must be one of",
            ),
            (
                lambda d: d["requests"][0]["bindings"].update(name=1),
                "requests[0].bindings.name: must be a text",
            ),
            (
                lambda d: d["requests"][0]["identifier"].append([]),
                "must have tag, vr, and one of",
            ),
            (
                lambda d: d["requests"][0]["identifier"][0].update(bytes="00"),
                "must have tag, vr, and one of",
            ),
            (
                lambda d: d["requests"][0]["identifier"].insert(
                    0, {"tag": "00080005", "vr": "OB", "bytes": "xy"}
                ),
                "identifier[0].bytes: must be hexadecimal",
            ),
            (
                lambda d: d["requests"][0]["identifier"].insert(
                    0, {"tag": "00080005", "vr": "SQ", "items": [1]}
                ),
                "identifier[0].items[0]: must be a list",
            ),
            (
                lambda d: d["requests"][0]["identifier"][0].update(tag="1"),
                "identifier[0].tag: must be eight",
            ),
            (
                lambda d: d["requests"][0]["identifier"][0].update(vr="cs"),
                "identifier[0].vr: must be two",
            ),
            (
                lambda d: d["queries"]["worklist"]["columns"].append([]),
                "must be a list of steps",
            ),
            (
                lambda d: d["queries"]["worklist"]["columns"][0][0].update(item=-1),
                "columns[0][0]: must have tag, vr, item and creator",
            ),
            (
                lambda d: d["requests"][1].update(id="0.0"),
                "requests[1].id: ids must be numbers",
            ),
            (lambda d: d["requests"][0].update(id="zero"), "requests[0].id: ids"),
            (lambda d: d["requests"][0].update(peer="x"), "requests[0]: its query"),
            (lambda d: d["outputs"][0].update(query="x"), "outputs[0]: its query"),
            (
                lambda d: d["outputs"][0]["requests"].append("9.9"),
                "outputs[0]: its query or one of its requests",
            ),
            (
                lambda d: d["outputs"][0].update(path="x.csv"),
                "outputs[0].path: must be an absolute path",
            ),
        ],
    )
    def test_what_is_no_plan_says_where(
        self, plan: Plan, change: Callable[[Any], object], where: str
    ) -> None:
        data = to_json(plan)
        change(data)
        assert where in refusal(data)

    @pytest.mark.parametrize("data", [None, [], "plan", 1, {}])
    def test_other_json_is_no_plan(self, data: object) -> None:
        assert "is no plan of version 1" in refusal(data)

    @pytest.mark.parametrize("text", ["", "{", '{"version": NaN}', "[" * 100_000])
    def test_other_text_is_no_json(self, text: str) -> None:
        with pytest.raises(JobError) as caught:
            loads(text, source="p.json")
        assert str(caught.value).startswith("p.json: is no JSON")


class TestTampering:
    """A run executes exactly what was planned."""

    @pytest.mark.parametrize(
        "change",
        [
            lambda r: r.update(called_ae="OTHER"),
            lambda r: r.update(peer=r["peer"], query="studies"),
            lambda r: r.update(charset=[]),
            lambda r: r.update(key="0" * 64),
            lambda r: r["identifier"].pop(),
            lambda r: r["cancel"].update(after_responses=None),
        ],
    )
    def test_a_changed_request_is_refused(
        self, plan: Plan, change: Callable[[Any], object]
    ) -> None:
        data = to_json(plan)
        change(data["requests"][0])
        assert refusal(data) == (
            "requests[0]: was changed after it was planned; plan the job again"
        )

    def test_a_request_taken_out_is_refused(self, plan: Plan) -> None:
        data = to_json(plan)
        taken = data["requests"].pop()["id"]
        for output in data["outputs"]:
            output["requests"] = [one for one in output["requests"] if one != taken]
        assert refusal(data).startswith("digest: was changed")

    def test_transport_may_be_changed(self, plan: Plan) -> None:
        data = copy.deepcopy(to_json(plan))
        data["peers"]["pacs"]["host"] = "10.0.0.1"
        assert from_json(data).peers["pacs"].host == "10.0.0.1"


def _validator() -> Any:
    return Draft202012Validator(load_schema("plan"))
