"""Requests that belong together: `any_of`, `for_each`, identity and expectations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from batchfind.errors import JobError
from batchfind.job.model import Dedupe, Expect, Verify
from batchfind.plan.codec import dumps, from_json, loads, to_json
from batchfind.plan.model import Extent, Growing, Plan
from tests.plan.planning import Planner, element, value_of, values_of

PEERS = """\
version: 1
name: test
timezone: Europe/Berlin
peers:
  a: {host: a.example.org, port: 104}
  b: {host: b.example.org, port: 104}
  c: {host: c.example.org, port: 104}
"""


def query(fields: str) -> str:
    return f"queries:\n  q: {{model: study, level: STUDY, {fields}}}\n"


class TestAnyOf:
    ANY = "keys: {StudyInstanceUID: '', ModalitiesInStudy: ''}, any_of: "

    def test_each_combination_is_a_request_of_one_family(
        self, planner: Planner
    ) -> None:
        text = self.ANY + "{ModalitiesInStudy: [CT, MR], PatientSex: [F, M]}"
        plan = planner.plan(query(text))
        assert [one.id for one in plan.requests] == ["0.0", "0.1", "0.2", "0.3"]
        assert {one.family for one in plan.requests} == {"0.0"}
        modalities = values_of(plan.requests, "ModalitiesInStudy")
        sexes = values_of(plan.requests, "PatientSex")
        assert list(zip(modalities, sexes, strict=True)) == [
            *(("CT", "F"), ("CT", "M"), ("MR", "F"), ("MR", "M")),
        ]
        assert plan.queries["q"].merges
        assert "PatientSex" in [one.dotted for one in plan.queries["q"].columns]

    def test_cases_and_repetitions_are_families_of_their_own(
        self, planner: Planner
    ) -> None:
        text = (
            self.ANY + "{ModalitiesInStudy: [CT, MR]}, matrix: {sex: [F, M]},"
            " repeat: {times: 2}"
        )
        text = text.replace("keys: {", 'keys: {PatientSex: "{{ sex }}", ')
        plan = planner.plan(query(text))
        assert [one.family for one in plan.requests] == [
            *("0.0", "0.1", "0.0", "0.1"),
            *("0.4", "0.5", "0.4", "0.5"),
        ]
        assert [one.repetition for one in plan.requests] == [0, 1] * 4

    def test_the_value_can_be_carried(self, planner: Planner) -> None:
        text = self.ANY + "{ModalitiesInStudy: [CT, MR]}, carry: [ModalitiesInStudy]"
        plan = planner.plan(query(text))
        assert [one.bindings for one in plan.requests] == [
            {"ModalitiesInStudy": "CT"},
            {"ModalitiesInStudy": "MR"},
        ]
        assert plan.queries["q"].carry == ("ModalitiesInStudy",)
        assert plan.queries["q"].bindings == ("ModalitiesInStudy",)
        everything = planner.plan(query(text.replace("[ModalitiesInStudy]", "all")))
        assert everything.queries["q"].carry == ("ModalitiesInStudy",)

    def test_values_are_rendered_in_each_case(self, planner: Planner) -> None:
        text = (
            "keys: {StudyInstanceUID: ''}, matrix: {part: [A, B]}, carry: [part],"
            ' any_of: {PatientID: ["{{ part }}1", "{{ part }}2"]}'
        )
        plan = planner.plan(query(text))
        assert values_of(plan.requests, "PatientID") == ["A1", "A2", "B1", "B2"]

    def test_a_date_is_sent_in_its_own_form(self, planner: Planner) -> None:
        text = "keys: {StudyInstanceUID: ''}, any_of: {StudyDate: [2026-01-31, x]}"
        problem = planner.problem(query(text))
        assert problem.path == "queries.q.any_of.StudyDate"
        plan = planner.plan(query(text.replace(", x", "")))
        assert value_of(plan.requests[0], "StudyDate") == "20260131"

    def test_keys_of_a_worklist_step(self, planner: Planner) -> None:
        plan = planner.plan(
            """
            queries:
              q:
                model: worklist
                keys: {PatientName: ""}
                any_of: {ScheduledProcedureStepSequence: {Modality: [CT, MR]}}
            """
        )
        path = "ScheduledProcedureStepSequence.Modality"
        assert values_of(plan.requests, path) == ["CT", "MR"]
        assert plan.requests[1].bindings == {"Modality": "MR"}
        assert plan.queries["q"].explode is not None

    @pytest.mark.parametrize("value", ['""', '"*"', '"{{ vars.none }}"'])
    def test_a_value_that_matches_everything_is_an_error(
        self, planner: Planner, value: str
    ) -> None:
        text = (
            f"vars: {{none: ''}}\n{query(self.ANY + f'{{PatientSex: [F, {value}]}}')}"
        )
        problem = planner.problem(text)
        assert problem.message.startswith("this value of PatientSex matches everything")

    ROWS = (
        "keys: {StudyInstanceUID: ''}, any_of: {PatientID: ['{{ a }}', '{{ b }}']},"
        " rows: {from: [{a: '1', b: '2'}, {a: '3', b: BAD}], MORE}"
    )

    def test_an_empty_cell_skips_its_row(self, planner: Planner) -> None:
        text = self.ROWS.replace("BAD", "''").replace("MORE", "on_empty: skip")
        plan = planner.plan(query(text))
        assert values_of(plan.requests, "PatientID") == ["1", "2"]
        assert [one.message for one in plan.skipped] == ["skipped: b is empty"]

    @pytest.mark.parametrize(
        ("bad", "more", "message"),
        [
            ("''", "on_empty: error", "b is empty, and a zero-length PatientID asks"),
            ("'*'", "on_empty: skip", "b holds *, which matches more than it says"),
            ("'*'", "literal: false", "this value of PatientID matches everything"),
        ],
    )
    def test_a_cell_that_matches_too_much_is_wrong_in_its_row(
        self, planner: Planner, bad: str, more: str, message: str
    ) -> None:
        text = self.ROWS.replace("BAD", bad).replace("MORE", more)
        problem = planner.problem(query(text))
        assert problem.message.startswith(message)
        lines = Path(problem.mark.file).read_text("utf-8").splitlines()
        assert lines[problem.mark.line - 1][problem.mark.column - 1 :][:3] == "'3'"

    def test_a_value_twice_is_asked_once(self, planner: Planner) -> None:
        plan = planner.plan(query(self.ANY + "{PatientSex: [F, F]}"))
        assert len(plan.requests) == 1
        assert any("asked once" in one.message for one in plan.warnings)

    def test_a_column_of_the_same_name_is_an_error(self, planner: Planner) -> None:
        text = (
            'keys: {PatientID: "{{ PatientSex }}"}, any_of: {PatientSex: [F, M]},'
            " rows: {from: rows.csv}"
        )
        problem = planner.problem(query(text), tables={"q": "PatientSex\nF"})
        assert problem.message.endswith("rename it under rows.columns")
        assert problem.path == "queries.q.any_of.PatientSex"

    def test_it_counts_towards_the_limit(self, planner: Planner) -> None:
        text = query(self.ANY + "{PatientSex: [F, M, O]}") + "run: {max_requests: 2}\n"
        problem = planner.problem(text)
        assert "(3: 3 alternatives)" in problem.message

    def test_a_raw_query_writes_them_as_they_are(self, planner: Planner) -> None:
        plan = planner.plan(
            """
            queries:
              q:
                model: study
                raw: true
                keys: {QueryRetrieveLevel: STUDY, StudyInstanceUID: "", PatientSex: ""}
                any_of: {PatientSex: [F, M]}
            """
        )
        assert values_of(plan.requests, "PatientSex") == ["F", "M"]
        assert plan.queries["q"].merges

    def test_without_identity_there_is_a_warning(self, planner: Planner) -> None:
        text = "queries:\n  q: {model: substance-approval, any_of: {PatientSex: [F, M]}"
        plan = planner.plan(f"{text}}}\n")
        assert plan.queries["q"].merges
        assert any("under 'unique'" in one.message for one in plan.warnings)
        plan = planner.plan(f"{text}, unique: PatientID}}\n")
        assert plan.queries["q"].merges
        assert value_of(plan.requests[0], "PatientID") == ""


SERIES = """
queries:
  series:
    model: study
    level: SERIES
    for_each: {query: studies, keys: [StudyInstanceUID]}
    keys: {SeriesInstanceUID: "", Modality: ""}
  studies:
    model: study
    level: STUDY
    keys: {PatientID: x}
"""


def growing(plan: Plan, name: str = "series") -> Growing:
    found = plan.queries[name].growing
    assert found is not None
    return found


class TestForEach:
    def test_its_requests_are_patterns(self, planner: Planner) -> None:
        plan = planner.plan(SERIES)
        grown = growing(plan)
        assert [one.id for one in plan.requests] == ["1.0"]
        assert [one.id for one in grown.patterns] == ["0.0"]
        assert value_of(grown.patterns[0], "StudyInstanceUID") == ""
        assert (grown.query, grown.limit, grown.columns) == ("studies", 100_000, {})
        assert [(one.child.dotted, one.parent.dotted) for one in grown.binds] == [
            ("StudyInstanceUID", "StudyInstanceUID")
        ]

    def test_the_parent_is_asked_for_what_is_taken(self, planner: Planner) -> None:
        text = SERIES.replace(
            "keys: [StudyInstanceUID]}",
            "keys: [StudyInstanceUID], columns: {name: PatientName}}\n    carry: name",
        )
        plan = planner.plan(text)
        assert plan.queries["studies"].added == (
            *("QueryRetrieveLevel", "StudyInstanceUID", "PatientName"),
        )
        assert value_of(plan.requests[0], "PatientName") == ""
        assert growing(plan).columns["name"].dotted == "PatientName"
        assert plan.queries["series"].carry == ("name",)
        assert not plan.queries["studies"].merges

    def test_both_know_what_tells_rows_apart(self, planner: Planner) -> None:
        plan = planner.plan(SERIES)
        found = {
            name: [one.dotted for one in query.identity]
            for name, query in plan.queries.items()
        }
        assert found == {
            "series": ["SeriesInstanceUID"],
            "studies": ["StudyInstanceUID"],
        }

    def test_the_bound_key_is_a_column(self, planner: Planner) -> None:
        columns = planner.plan(SERIES).queries["series"].columns
        assert [one.dotted for one in columns] == [
            *("SeriesInstanceUID", "Modality", "StudyInstanceUID"),
        ]

    def test_a_column_is_the_whole_value_of_a_key(self, planner: Planner) -> None:
        text = SERIES.replace(
            "keys: [StudyInstanceUID]", "columns: {u: StudyInstanceUID}"
        )
        text = text.replace('Modality: ""', 'StudyInstanceUID: "{{ u }}"')
        plan = planner.plan(text)
        (bind,) = growing(plan).binds
        assert (bind.child.dotted, bind.parent.dotted) == ("StudyInstanceUID",) * 2
        assert plan.warnings == ()

    @pytest.mark.parametrize(
        "fields",
        [
            'keys: {StudyInstanceUID: "{{ u }}", SeriesDescription: "a {{ u }}"}',
            'keys: {StudyInstanceUID: "{{ u }}"}, calling_ae: "{{ u }}"',
            'keys: {StudyInstanceUID: "{{ u }}"}, any_of: {Modality: ["{{ u }}"]}',
        ],
    )
    def test_elsewhere_a_column_is_an_error(
        self, planner: Planner, fields: str
    ) -> None:
        text = f"""
        queries:
          studies: {{model: study, level: STUDY, keys: {{PatientID: x}}}}
          q: {{model: study, level: SERIES, {fields},
            for_each: {{query: studies, columns: {{u: StudyInstanceUID}}}}}}
        """
        problem = planner.problem(text)
        assert problem.message.startswith(
            "u comes from the rows of query studies, which are known only while the job"
            " runs; write {{ u }} as the whole value of a key"
        )

    def test_in_a_path_a_column_is_an_error(self, planner: Planner) -> None:
        text = SERIES.replace(
            "keys: [Stu", "columns: {u: PatientID}, keys: [Stu"
        ).replace("keys: {Ser", "carry: u\n    keys: {Ser")
        path = 'outputs: [{format: csv, path: "{{ u }}.csv", queries: series}]\n'
        problem = planner.problem(text + path)
        assert problem.path == "outputs[0].path"
        assert "known only while the job runs" in problem.message

    def test_a_column_nobody_reads_is_a_warning(self, planner: Planner) -> None:
        text = SERIES.replace("keys: [Stu", "columns: {u: PatientID}, keys: [Stu")
        plan = planner.plan(text)
        (warning,) = plan.warnings
        assert warning.path == "queries.series.for_each.columns.u"
        assert warning.message.startswith("nothing reads u;")
        assert (warning.mark.line, warning.mark.column) == (11, 45)

    def test_without_a_key_every_request_would_be_the_same(
        self, planner: Planner
    ) -> None:
        text = SERIES.replace(", keys: [StudyInstanceUID]", "").replace(
            'Modality: ""', 'StudyInstanceUID: "1.2"'
        )
        problem = planner.problem(text)
        assert problem.path == "queries.series.for_each"
        assert "name one under for_each.keys" in problem.message

    @pytest.mark.parametrize("each", ["{query: q}", "{query: q, keys: []}"])
    def test_without_a_key_nothing_else_is_said(
        self, planner: Planner, each: str
    ) -> None:
        problem = planner.problem(
            "queries:\n  q: {model: study, level: STUDY, keys: {PatientID: x}}\n"
            "  c: {model: study, level: SERIES, keys: {SeriesInstanceUID: ''},"
            f" for_each: {each}}}\n"
        )
        assert problem.path == "queries.c.for_each"

    def test_a_column_in_no_key_could_be_one(self, planner: Planner) -> None:
        problem = planner.problem(
            "queries:\n  q: {model: study, level: STUDY, keys: {PatientID: x}}\n"
            "  c: {model: study, level: SERIES, keys: {SeriesInstanceUID: ''},"
            " for_each: {query: q, columns: {u: StudyInstanceUID}}}\n"
        )
        assert problem.message.endswith("or write {{ u }} as the value of a key")

    def test_a_key_below_the_parent_s_level(self, planner: Planner) -> None:
        text = SERIES.replace("[StudyInstanceUID]", "[StudyInstanceUID, Modality]")
        text = text.replace(', Modality: ""', "")
        problem = planner.problem(text)
        assert problem.path == "queries.series.for_each.keys[1]"
        assert problem.message == (
            "Modality belongs to level SERIES, and query studies asks at STUDY; its"
            " rows do not have it"
        )

    def test_it_multiplies_by_matrix_any_of_and_window(self, planner: Planner) -> None:
        text = SERIES.replace(
            'Modality: ""}',
            'BodyPartExamined: "{{ part }}"}\n    matrix: {part: [HEAD, ARM]}\n'
            "    any_of: {Modality: [CT, MR]}\n"
            "    window: {key: SeriesDate, from: 2026-01-01, to: 2026-01-02,"
            " split: adaptive}",
        )
        grown = growing(planner.plan(text))
        assert [one.id for one in grown.patterns] == ["0.0", "0.1", "0.2", "0.3"]
        assert [one.family for one in grown.patterns] == ["0.0", "0.0", "0.2", "0.2"]
        days = Extent(first="20260101", last="20260102")
        assert {one.extent for one in grown.patterns} == {days}

    def test_patterns_are_no_requests(self, planner: Planner) -> None:
        text = SERIES + "run: {max_requests: 1}\n"
        assert len(planner.plan(text).requests) == 1
        text = text.replace("{SeriesI", "{BodyPartExamined: '{{ p }}', SeriesI")
        text = text.replace("    for_each", "    matrix: {p: [A, B]}\n    for_each")
        assert "run.max_requests allows 1" in planner.problem(text).message

    def test_outputs_stand_on_patterns(self, planner: Planner) -> None:
        text = SERIES + 'outputs: [{format: csv, path: "{{ query }}.csv"}]\n'
        plan = planner.plan(text)
        assert {one.query: one.requests for one in plan.outputs} == {
            "series": ("0.0",),
            "studies": ("1.0",),
        }
        assert loads(dumps(plan)) == plan

    def test_partitions_cannot_be_replaced(self, planner: Planner) -> None:
        text = SERIES + (
            "outputs: [{format: parquet, path: a, queries: series, overwrite:"
            " partitions, partition_by: [Modality]}]\n"
        )
        problem = planner.problem(text)
        assert "is known only while the job runs; choose" in problem.message

    def test_rows_of_a_model_without_levels(self, planner: Planner) -> None:
        plan = planner.plan(
            """
            queries:
              steps: {model: worklist, keys: {PatientID: x}}
              studies:
                model: study
                level: STUDY
                for_each: {query: steps, keys: [PatientID]}
                keys: {StudyInstanceUID: ""}
            """
        )
        assert plan.queries["steps"].added == (
            *("StudyInstanceUID", "RequestedProcedureID"),
            "ScheduledProcedureStepSequence.ScheduledProcedureStepID",
        )

    def test_a_chain_of_three(self, planner: Planner) -> None:
        text = SERIES + (
            "  images:\n    model: study\n    level: IMAGE\n    for_each: {query:"
            " series, keys: [StudyInstanceUID, SeriesInstanceUID]}\n"
            "    return: [SOPInstanceUID]\n"
        )
        plan = planner.plan(text)
        assert [one.id for one in growing(plan, "images").patterns] == ["2.0"]
        assert plan.queries["series"].added == ("QueryRetrieveLevel",)

    def test_a_raw_parent_must_ask_for_what_is_taken(self, planner: Planner) -> None:
        text = SERIES.replace(
            "    level: STUDY\n    keys: {PatientID: x}",
            "    raw: true\n    keys: {QueryRetrieveLevel: STUDY}",
        )
        problem = planner.problem(text)
        assert problem.path == "queries.studies.raw"
        assert problem.message.startswith("StudyInstanceUID tells its rows apart, but")

    def test_a_raw_child_may_hold_the_key_in_its_row(self, planner: Planner) -> None:
        text = SERIES.replace("level: SERIES", "raw: true").replace(
            'Modality: ""',
            'QueryRetrieveLevel: SERIES, StudyInstanceUID: ""',
        )
        (pattern,) = growing(planner.plan(text)).patterns
        assert len(pattern.identifier) == 3

    def test_a_raw_child_must_have_the_key(self, planner: Planner) -> None:
        text = SERIES.replace("level: SERIES", "raw: true").replace(
            'Modality: ""', "QueryRetrieveLevel: SERIES"
        )
        problem = planner.problem(text)
        assert problem.path == "queries.series.raw"
        assert problem.message.startswith("StudyInstanceUID takes its value from a row")

    def test_a_selected_child_needs_its_parent(self, planner: Planner) -> None:
        problem = planner.problem(SERIES, select=("series",))
        assert problem.path == "queries.series.for_each.query"
        assert problem.message.endswith("which is not selected; select that, too")
        plan = planner.plan(SERIES, select=("studies",))
        assert plan.queries["studies"].added == (
            *("QueryRetrieveLevel", "StudyInstanceUID"),
        )

    def test_the_level_above_is_given_by_a_row(self, planner: Planner) -> None:
        text = SERIES.replace("keys: [StudyInstanceUID]", "keys: [PatientID]")
        problem = planner.problem(text)
        assert "needs one single StudyInstanceUID" in problem.message


class TestPeersOfForEach:
    TEXT = SERIES.replace(
        "    keys: {PatientID", "    peers: [a, b]\n    keys: {PatientID"
    )

    def peers(self, planner: Planner, text: str) -> list[str]:
        plan = planner.plan(text, head=PEERS)
        return [one.peer for one in growing(plan).patterns]

    def test_are_those_of_the_parent(self, planner: Planner) -> None:
        assert self.peers(planner, self.TEXT) == ["a", "b"]

    def test_may_be_some_of_them(self, planner: Planner) -> None:
        text = self.TEXT.replace("    level: SERIES", "    peers: b\n    level: SERIES")
        assert self.peers(planner, text) == ["b"]

    def test_others_are_a_warning(self, planner: Planner) -> None:
        text = self.TEXT.replace("    level: SER", "    peers: [c, b]\n    level: SER")
        plan = planner.plan(text, head=PEERS)
        (warning,) = plan.warnings
        assert warning.message.startswith("query studies does not ask c, so no row")

    def test_none_of_them_is_an_error(self, planner: Planner) -> None:
        text = self.TEXT.replace("    level: SERIES", "    peers: c\n    level: SERIES")
        problem = planner.problem(text, head=PEERS)
        assert problem.message.endswith("name some of a, b, or leave out peers")


class TestUniqueAndPolicies:
    def test_unique_replaces_the_standard_s_keys(self, planner: Planner) -> None:
        plan = planner.plan(query("keys: {PatientID: x}, unique: [StudyID, PatientID]"))
        found = plan.queries["q"]
        assert [one.dotted for one in found.identity] == ["StudyID", "PatientID"]
        assert found.added == ("QueryRetrieveLevel", "StudyID")
        assert not found.merges

    def test_dedupe_over_a_query_merges(self, planner: Planner) -> None:
        plan = planner.plan(query("keys: {PatientID: x}, dedupe: query"))
        found = plan.queries["q"]
        assert found.merges
        assert found.dedupe is Dedupe.QUERY
        assert [one.dotted for one in found.identity] == ["StudyInstanceUID"]

    def test_a_sequence_asked_as_a_whole_holds_its_keys(self, planner: Planner) -> None:
        plan = planner.plan(
            """
            queries:
              q: {model: worklist, dedupe: query,
                keys: {PatientID: x, ScheduledProcedureStepSequence: ""}}
            """
        )
        assert plan.queries["q"].added == ("StudyInstanceUID", "RequestedProcedureID")

    def test_a_file_may_ask_for_a_sequence_as_a_whole(self, planner: Planner) -> None:
        step = element("ScheduledProcedureStepSequence", ((),))
        text = "queries:\n  q: {model: worklist, files: [a], dedupe: query}\n"
        plan = planner.plan(text, files={"a": (step, element("PatientID", "x"))})
        sequence = next(
            one for one in plan.requests[0].identifier if one.tag == step.tag
        )
        assert sequence.value == ((),)

    def test_keys_inside_a_sequence_a_file_asks_for_need_the_others(
        self, planner: Planner
    ) -> None:
        """An item returns only the keys it holds: PS3.4 Section C.2.2.2.6."""
        step = element("ScheduledProcedureStepSequence", ())
        text = (
            "queries:\n  q:\n    model: worklist\n    files: [a]\n    any_of:"
            " {ScheduledProcedureStepSequence: {Modality: [CT, MR]}}\n"
        )
        plan = planner.plan(text, files={"a": (step, element("PatientID", "x"))})
        sequence = next(
            one for one in plan.requests[0].identifier if one.tag == step.tag
        )
        assert isinstance(sequence.value, tuple)
        assert [one.tag for one in sequence.value[0]] == [0x00080060, 0x00400009]

    def test_a_file_may_hold_some_keys_of_a_sequence(self, planner: Planner) -> None:
        path = "ScheduledProcedureStepSequence"
        text = "queries:\n  q: {model: worklist, files: [a, b], dedupe: query}\n"
        item = (element("ScheduledProcedureStepID", "7"),)
        files = {
            "a": (element(path, (item,)),),
            "b": (element(path, ((element("Modality", "CT"),),)),),
        }
        plan = planner.plan(text, files=files)
        found = values_of(plan.requests, f"{path}.ScheduledProcedureStepID")
        assert found == ["7", ""]

    def test_keys_of_a_second_item_stand_nowhere_else(self, planner: Planner) -> None:
        text = """
        queries:
          q:
            model: study
            raw: true
            files: [a]
            unique: ["RequestAttributesSequence[1].RequestedProcedureID", PatientID]
            any_of: {PatientSex: [F, M]}
        """
        item = (element("RequestedProcedureID", ""),)
        base = (
            element("PatientID", "x"),
            element("RequestAttributesSequence", (item,)),
        )
        problem = planner.problem(text, files={"a": base})
        assert problem.message.startswith("RequestAttributesSequence[1].Requested")

    def test_policies_enter_the_plan(self, planner: Planner) -> None:
        text = "keys: {PatientID: x}, verify_matches: drop, expect: {min_rows: 1}"
        found = planner.plan(query(text)).queries["q"]
        assert found.verify_matches is Verify.DROP
        assert found.expect == Expect(min_rows=1)


class TestExpectedColumns:
    KEYS = 'keys: {PatientID: x, PatientName: "", StudyDate: ""}, expect: '

    def test_are_settled_on_their_names(self, planner: Planner) -> None:
        text = self.KEYS + '{unique: ["0010,0020", StudyDate], not_null: bf_peer}'
        expect = planner.plan(query(text)).queries["q"].expect
        assert expect is not None
        assert expect.unique == ("PatientID", "StudyDate")
        assert expect.not_null == ("bf_peer",)

    @pytest.mark.parametrize(
        ("expect", "place", "message"),
        [
            (
                "{not_null: [PatientID, PatientNam]}",
                "expect.not_null[1]",
                "there is no column 'PatientNam' of query q (did you mean 'Patient",
            ),
            (
                "{unique: [AccessionNumber]}",
                "expect.unique[0]",
                "there is no column 'AccessionNumber' of query q; ask for it",
            ),
            (
                "{unique: [PatientName_family]}",
                "expect.unique[0]",
                "there is no column 'PatientName_family' of query q",
            ),
            (
                '{unique: [PatientID, "(0010,0020)"]}',
                "expect.unique[1]",
                "PatientID is named twice; remove one",
            ),
        ],
    )
    def test_must_be_there(
        self, planner: Planner, expect: str, place: str, message: str
    ) -> None:
        problem = planner.problem(query(self.KEYS + expect))
        assert problem.path == f"queries.q.{place}"
        assert problem.message.startswith(message)
        assert problem.mark.line == 7


def tampered(plan: Plan, *change: Any) -> str:
    data = to_json(plan)
    *way, last, value = change
    inner: Any = data
    for key in way:
        inner = inner[key]
    inner[last] = value
    with pytest.raises(JobError) as caught:
        from_json(data)
    (problem,) = caught.value.problems
    return f"{problem.path}: {problem.message}"


class TestDigestAndFaults:
    SPLIT = query(
        "keys: {PatientID: x}, any_of: {PatientSex: [F, M]}, window: {key: StudyDate,"
        " from: 2026-01-01, to: 2026-01-02, split: adaptive}"
    )

    @pytest.mark.parametrize(
        "change",
        [
            ("queries", "series", "growing", "limit", 5),
            (
                "queries",
                "series",
                "growing",
                "columns",
                {
                    "a": [
                        {
                            "tag": "00100020",
                            "vr": "LO",
                            "item": 0,
                            "creator": None,
                        }
                    ]
                },
            ),
        ],
    )
    def test_the_digest_covers_growth(self, planner: Planner, change: Any) -> None:
        assert tampered(planner.plan(SERIES), *change).startswith("digest: was changed")

    @pytest.mark.parametrize(
        "change",
        [
            ("queries", "q", "splitting", "floor", 5),
            ("requests", 1, "family", ""),
            ("requests", 0, "extent", "last", "20260103"),
        ],
    )
    def test_the_digest_covers_families(self, planner: Planner, change: Any) -> None:
        plan = planner.plan(self.SPLIT)
        assert tampered(plan, *change).startswith("digest: was changed")

    @pytest.mark.parametrize(
        ("change", "fault"),
        [
            (("queries", "q", "splitting", "floor", 0), "queries.q.splitting.floor: "),
            (
                ("requests", 0, "extent", "first", "20261301"),
                "requests[0].extent: first and last must be dates",
            ),
            (
                ("requests", 0, "extent", "first", "20260105"),
                "requests[0].extent: first must not be after last",
            ),
            (("requests", 0, "origin", "split"), "requests[0].origin: must be plan"),
        ],
    )
    def test_what_cannot_be_is_refused(
        self, planner: Planner, change: Any, fault: str
    ) -> None:
        assert tampered(planner.plan(self.SPLIT), *change).startswith(fault)

    @pytest.mark.parametrize(
        ("change", "fault"),
        [
            (
                ("queries", "series", "growing", "query", "nope"),
                "queries.series.growing.query: must be another query of the plan",
            ),
            (
                ("queries", "series", "growing", "query", "series"),
                "queries.series.growing.query: must be another query of the plan",
            ),
            (("queries", "series", "growing", "limit", 0), "queries.series.growing."),
            (
                ("queries", "series", "growing", "patterns", 0, "calling_ae", "X"),
                "queries.series.growing.patterns[0]: was changed",
            ),
            (
                ("requests", 0, "query", "series"),
                "requests[0]: was changed after it was planned",
            ),
        ],
    )
    def test_growth_that_cannot_be_is_refused(
        self, planner: Planner, change: Any, fault: str
    ) -> None:
        assert tampered(planner.plan(SERIES), *change).startswith(fault)
