"""Control characters and character sets in what is planned."""

from __future__ import annotations

import pytest

from batchfind.errors import Mark
from batchfind.plan.summary import summarise
from tests.plan.planning import Planner, value_of

QUERY = """
queries:
  q:
    model: study
    level: STUDY
    lint: %s
    keys: {StudyInstanceUID: "", PatientID: "%s"}
"""
ROWS = """
queries:
  q:
    model: study
    level: STUDY
    rows: {from: rows.csv}
    keys: {StudyInstanceUID: "", PatientID: "{{ id }}"}
"""
HEAD = """\
version: 1
name: test
peers:
  pacs: {host: h, port: 1, charset: {request: %s}}
"""


class TestControlCharacters:
    """PS3.5 Section 6.2."""

    def test_are_errors(self, planner: Planner) -> None:
        problem = planner.problem(QUERY % ("strict", r"a\nb"))
        assert problem.path == "queries.q.keys.PatientID"
        assert "U+000A, which LO never holds" in problem.message
        assert "(PS3.5 6.2)" in problem.message

    def test_are_warnings_when_lenient_and_shown_as_escapes(
        self, planner: Planner
    ) -> None:
        plan = planner.plan(QUERY % ("lenient", r"a\n\eb\u200b"))
        assert value_of(plan.requests[0], "PatientID") == "a\n\x1bb\u200b"
        (warning,) = plan.warnings
        assert "U+000A" in warning.message
        assert r"PatientID = a\n\x1bb\u200b" in summarise(plan)

    def test_of_a_cell_are_errors_of_its_line(self, planner: Planner) -> None:
        table = "id\n1\n2\x0b3"
        problem = planner.problem(ROWS, tables={"q": table.replace("\x0b", "\x07")})
        assert problem.mark == Mark(str(planner.folder / "q.csv"), 3)
        assert "U+0007" in problem.message

    def test_of_a_variable_from_outside_are_errors(self, planner: Planner) -> None:
        problem = planner.problem(
            QUERY % ("strict", "{{ vars.a }}"), variables={"a": "x\ny"}
        )
        assert "U+000A" in problem.message


class TestCharacterSets:
    """PS3.3 Section C.12.1.1.2."""

    @pytest.mark.parametrize(
        ("request_", "charset"),
        [
            ("['', ISO 2022 IR 87]", ("", "ISO 2022 IR 87")),
            ("ISO 2022 IR 87", ("", "ISO 2022 IR 87")),
            (
                "[ISO 2022 IR 6, ISO 2022 IR 87]",
                ("ISO 2022 IR 6", "ISO 2022 IR 87"),
            ),
            ("[ISO_IR 100, ISO_IR 192]", ("ISO_IR 192",)),
            (r"['\ISO 2022 IR 149', '\ISO 2022 IR 87']", ("", "ISO 2022 IR 87")),
        ],
    )
    def test_are_sent_as_one_legal_value(
        self, planner: Planner, request_: str, charset: tuple[str, ...]
    ) -> None:
        plan = planner.plan(QUERY % ("strict", "辻*"), head=HEAD % request_)
        (request,) = plan.requests
        assert request.charset == charset
        assert value_of(request, "SpecificCharacterSet") == "\\".join(charset)

    def test_that_are_illegal_together_are_errors(self, planner: Planner) -> None:
        head = HEAD % "[ISO_IR 100, ISO 2022 IR 87]"
        problem = planner.problem(QUERY % ("strict", "x"), head=head)
        assert problem.path == "peers.pacs.charset.request"
        assert "(PS3.3 C.12.1.1.2)" in problem.message
        plan = planner.plan(QUERY % ("lenient", "辻*"), head=head)
        assert plan.requests[0].charset == ("ISO_IR 100", "ISO 2022 IR 87")
        (warning,) = plan.warnings
        assert warning.path == "peers.pacs.charset.request"

    def test_do_not_help_a_code_string(self, planner: Planner) -> None:
        text = (QUERY % ("strict", "x")).replace("PatientID", "PatientSex")
        problem = planner.problem(text.replace('"x"', '"Ä"'))
        assert "this cannot be sent: PatientSex" in problem.message
        assert "charset.request" not in problem.message
