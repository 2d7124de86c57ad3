"""Raw queries: what is written is all that is sent."""

from __future__ import annotations

import pytest

from batchfind.dicom.identifier import Element, Identifier
from batchfind.plan.model import Plan, PlannedQuery
from tests.plan.planning import HEAD, Planner, element, value_of

MODALITY = Element(0x00080060, "CS", "CT")


def raw(keys: str, model: str = "study", more: str = "") -> str:
    return f"queries: {{q: {{model: {model}, raw: true, keys: {{{keys}}}{more}}}}}"


def sent(plan: Plan) -> Identifier:
    (request,) = plan.requests
    return request.identifier


def query(plan: Plan) -> PlannedQuery:
    return plan.queries["q"]


class TestNothingIsAdded:
    def test_no_level_and_no_unique_key(self, planner: Planner) -> None:
        plan = planner.plan(raw("PatientID: x"))
        assert sent(plan) == (Element(0x00100020, "LO", "x"),)
        assert plan.requests[0].level is None
        assert query(plan).added == ()

    def test_the_level_is_the_one_the_keys_name(self, planner: Planner) -> None:
        plan = planner.plan(raw('QueryRetrieveLevel: STUDY, StudyInstanceUID: ""'))
        assert value_of(plan.requests[0], "QueryRetrieveLevel") == "STUDY"
        assert query(plan).level == "STUDY"
        assert [str(path) for path in query(plan).columns] == ["StudyInstanceUID"]

    def test_a_level_the_model_does_not_have_is_sent_all_the_same(
        self, planner: Planner
    ) -> None:
        plan = planner.plan(raw("QueryRetrieveLevel: PATIENT"))
        assert value_of(plan.requests[0], "QueryRetrieveLevel") == "PATIENT"
        assert query(plan).level is None

    def test_the_level_is_no_field(self, planner: Planner) -> None:
        text = raw("PatientID: x", more=", level: STUDY")
        problem = planner.problem(text)
        assert problem.path == "queries.q.level"
        assert problem.message.endswith("write QueryRetrieveLevel there")

    @pytest.mark.parametrize("level", ["STUDY", "PATIENT", None])
    def test_a_file_may_bring_the_level(
        self, planner: Planner, level: str | None
    ) -> None:
        base: Identifier = (element("PatientID", "x"),)
        if level is not None:
            base = (element("QueryRetrieveLevel", level), *base)
        text = "queries: {q: {model: study, raw: true, files: [a.dcm]}}"
        plan = planner.plan(text, files={"a.dcm": base})
        assert sent(plan) == base
        assert query(plan).level == (level if level == "STUDY" else None)


class TestValues:
    def test_are_not_checked(self, planner: Planner) -> None:
        plan = planner.plan(raw('StudyDate: 2026-01-02, Modality: "ct?x\\\\y"'))
        assert value_of(plan.requests[0], "StudyDate") == "2026-01-02"
        assert plan.warnings == ()

    def test_may_be_lists(self, planner: Planner) -> None:
        plan = planner.plan(raw("Modality: [CT, MR]"))
        assert value_of(plan.requests[0], "Modality") == "CT\\MR"

    def test_of_numbers_have_to_be_numbers(self, planner: Planner) -> None:
        problem = planner.problem(raw("Rows: many"))
        assert problem.message == "this cannot be sent: Rows: the value is no US"

    @pytest.mark.parametrize("key", ["PatientID[0]", "PatientID[0].Modality"])
    def test_stand_in_sequences_only(self, planner: Planner, key: str) -> None:
        assert "not a sequence" in planner.problem(raw(f'"{key}": x')).message

    def test_of_unknown_sequences_are_refused_by_the_plan(
        self, planner: Planner
    ) -> None:
        problem = planner.problem(raw('"0019,1010[0].Modality": CT'))
        assert problem.message.endswith("an item of what is no sequence")

    def test_of_sequences_are_refused(self, planner: Planner) -> None:
        problem = planner.problem(raw('RequestAttributesSequence: "{{ 1 }}"'))
        assert problem.message.startswith("RequestAttributesSequence is a sequence")

    def test_may_be_templates_and_windows(self, planner: Planner) -> None:
        window = ", window: {key: StudyDate, from: 20260101, to: 20260102, step: 1d}"
        plan = planner.plan(raw('PatientID: "{{ peer }}"', more=window))
        assert [value_of(one, "StudyDate") for one in plan.requests] == [
            "20260101",
            "20260102",
        ]
        assert value_of(plan.requests[1], "PatientID") == "pacs"


class TestItems:
    SEQUENCE = 0x00400275

    @pytest.mark.parametrize(
        ("key", "items"),
        [
            ('RequestAttributesSequence: ""', ()),
            ("RequestAttributesSequence: {}", ((),)),
            ('"RequestAttributesSequence[0]": ""', ((),)),
            ('"RequestAttributesSequence[1]": ""', ((), ())),
            ('"RequestAttributesSequence[1].Modality": CT', ((), (MODALITY,))),
            ('"0040,0275[1]": {Modality: CT}', ((), (MODALITY,))),
            ("RequestAttributesSequence.Modality: CT", ((MODALITY,),)),
        ],
    )
    def test_are_those_that_are_written(
        self, planner: Planner, key: str, items: tuple[Identifier, ...]
    ) -> None:
        assert sent(planner.plan(raw(key))) == (Element(self.SEQUENCE, "SQ", items),)

    def test_may_be_asked_for_by_return_keys(self, planner: Planner) -> None:
        more = ', return: ["RequestAttributesSequence[0]", PatientID]'
        plan = planner.plan(raw("Modality: CT", more=more))
        assert sent(plan)[2] == Element(self.SEQUENCE, "SQ", ((),))

    def test_of_one_sequence_make_one_column(self, planner: Planner) -> None:
        sequence = "RequestAttributesSequence"
        keys = f'{sequence}: "", "{sequence}[1].Modality": CT'
        plan = planner.plan(raw(keys))
        assert [str(path) for path in query(plan).columns] == [
            f"{sequence}[1].Modality"
        ]

    def test_each_stand_once(self, planner: Planner) -> None:
        sequence = "RequestAttributesSequence"
        keys = f'"{sequence}[1].Modality": CT, "0040,0275[1].0008,0060": MR'
        problem = planner.problem(raw(keys))
        assert "stands here and at" in problem.message


class TestText:
    def test_without_character_set_is_bytes_of_utf_8(self, planner: Planner) -> None:
        plan = planner.plan(raw("PatientName: Müller, Modality: Ü"))
        assert value_of(plan.requests[0], "PatientName") == "Müller".encode()
        assert value_of(plan.requests[0], "Modality") == "Ü".encode()
        assert plan.requests[0].charset == ()

    def test_in_items_is_too(self, planner: Planner) -> None:
        key = '"RequestAttributesSequence.RequestedProcedureDescription": Ü'
        item = (Element(0x00321060, "LO", "Ü".encode()),)
        assert sent(planner.plan(raw(key))) == (Element(0x00400275, "SQ", (item,)),)

    def test_is_encoded_as_the_keys_declare(self, planner: Planner) -> None:
        keys = "SpecificCharacterSet: ISO_IR 100, PatientName: Müller, Modality: Ü"
        (request,) = planner.plan(raw(keys)).requests
        assert request.charset == ("ISO_IR 100",)
        assert value_of(request, "PatientName") == "Müller"
        assert value_of(request, "Modality") == b"\xdc"

    def test_is_encoded_as_the_peer_wants_without_saying_so(
        self, planner: Planner
    ) -> None:
        head = HEAD.replace("ARCHIVE}", "ARCHIVE, charset: {request: ISO_IR 100}}")
        (request,) = planner.plan(raw("PatientName: Müller"), head=head).requests
        assert request.charset == ("ISO_IR 100",)
        assert value_of(request, "SpecificCharacterSet") is None

    def test_has_to_be_in_the_set_declared(self, planner: Planner) -> None:
        keys = "SpecificCharacterSet: ISO_IR 100, PatientName: 山"
        assert "is not in ISO_IR 100" in planner.problem(raw(keys)).message


class TestTags:
    @pytest.mark.parametrize("key", ["0002,0010", "0000,0900", "fffe,e000"])
    def test_that_no_identifier_holds_are_refused(
        self, planner: Planner, key: str
    ) -> None:
        assert "cannot be a key" in planner.problem(raw(f'"{key}": "1"')).message

    @pytest.mark.parametrize(
        ("key", "vr"), [("0008,0000", "UL"), ("0009,0001", "UN"), ("0003,0010", "LO")]
    )
    def test_that_the_standard_forbids_are_sent(
        self, planner: Planner, key: str, vr: str
    ) -> None:
        (found,) = sent(planner.plan(raw(f'"{key}": "1"')))
        assert found.vr == vr

    def test_a_creator_gets_a_block(self, planner: Planner) -> None:
        key = "'0019,\"SIEMENS CT VA0  COAD\",50': '1'"
        assert sent(planner.plan(raw(key)))[1] == Element(0x00191050, "DS", "1")

    def test_a_creator_needs_a_free_block(self, planner: Planner) -> None:
        full = tuple(
            Element(0x00190000 | block, "LO", "OTHER") for block in range(0x10, 0x100)
        )
        text = "queries: {q: {model: study, raw: true, files: [a.dcm], keys: {%s: x}}}"
        text %= "'0019,\"ACME\",50'"
        problem = planner.problem(text, files={"a.dcm": full})
        assert problem.message.endswith("no private block is free in group 0019")


def test_a_ups_query_without_matching_key_is_a_warning(planner: Planner) -> None:
    plan = planner.plan(raw('ProcedureStepState: ""', model="ups-pull"))
    assert any("matching key" in one.message for one in plan.warnings)
