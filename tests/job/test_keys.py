"""Keys: every notation of a path, sequences, lists, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import pytest

from batchfind.job.model import Job

Problems: TypeAlias = Callable[[str | bytes], list[str]]
Load: TypeAlias = Callable[[str], Job]
Job_: TypeAlias = Callable[[str], str]

ITEM = "ReferencedStudySequence.ReferencedSOPInstanceUID"


class TestNotations:
    @pytest.mark.parametrize(
        ("written", "path"),
        [
            ("PatientID", "PatientID"),
            ("(0010,0020)", "PatientID"),
            ("0010,0020", "PatientID"),
            ("00100020", "PatientID"),
            ("ReferencedStudySequence.ReferencedSOPInstanceUID", ITEM),
            ("ReferencedStudySequence[0].ReferencedSOPInstanceUID", ITEM),
            ("0008,1110[0].0008,1155", ITEM),
            ("(0008,1110).(0008,1155)", ITEM),
            ("""'0019,"ACME",10'""", '0019,"ACME",10'),
        ],
    )
    def test_of_a_path(
        self, load: Load, with_keys: Job_, written: str, path: str
    ) -> None:
        (entry,) = load(with_keys(f"{written}: 'x'")).queries["q"].keys
        assert entry.path.dotted == path
        assert entry.mark.line == 11

    def test_of_nested_mappings(self, load: Load, with_keys: Job_) -> None:
        job = load(
            with_keys(
                """
                RequestAttributesSequence:
                  ScheduledProcedureStepID: a
                  ScheduledProtocolCodeSequence: {CodeValue: b}
                  ScheduledProtocolCodeSequence.CodeMeaning:
                """
            ).replace("STUDY", "SERIES")
        )
        outer = "RequestAttributesSequence"
        inner = f"{outer}.ScheduledProtocolCodeSequence"
        assert [
            (entry.path.dotted, entry.values[0].text) for entry in job.queries["q"].keys
        ] == [
            (f"{outer}.ScheduledProcedureStepID", "a"),
            (f"{inner}.CodeValue", "b"),
            (f"{inner}.CodeMeaning", ""),
        ]

    @pytest.mark.parametrize("value", ['""', "{}", ""])
    def test_of_a_whole_sequence(self, load: Load, with_keys: Job_, value: str) -> None:
        job = load(with_keys(f"ReferencedStudySequence: {value}"))
        (entry,) = job.queries["q"].keys
        assert entry.path.vr == "SQ"
        assert [scalar.text for scalar in entry.values] == [""]

    def test_of_a_uid_list(self, load: Load, with_keys: Job_) -> None:
        (entry,) = load(with_keys("StudyInstanceUID: ['1.2', 1.3]")).queries["q"].keys
        assert [scalar.text for scalar in entry.values] == ["1.2", "1.3"]

    def test_of_return_keys(self, load: Load, with_query: Job_) -> None:
        job = load(
            with_query("model: study\nreturn: [StudyDate, '0008,0030', PatientID]")
        )
        assert [
            (entry.path.dotted, entry.values[0].text)
            for entry in job.queries["q"].returns
        ] == [("StudyDate", ""), ("StudyTime", ""), ("PatientID", "")]


class TestRefusals:
    @pytest.mark.parametrize(
        ("body", "problem"),
        [
            (
                "PatientNme: x",
                (
                    "11:7: queries.q.keys.PatientNme: unknown attribute "
                    "'PatientNme' (did you mean 'PatientName'?)"
                ),
            ),
            (
                "(0010,0020): a\nPatientID: b",
                (
                    "12:7: queries.q.keys: PatientID stands here and at job.yaml:11:7; "
                    "keep one of them"
                ),
            ),
            (
                f"{ITEM}: ''\nReferencedStudySequence: ''",
                (
                    "12:7: queries.q.keys: ReferencedStudySequence stands here and at "
                    "job.yaml:11:7; keep one of them"
                ),
            ),
            (
                f"ReferencedStudySequence: ''\n{ITEM}: ''",
                (
                    f"12:7: queries.q.keys: {ITEM} stands here and at "
                    f"job.yaml:11:7; keep "
                    "one of them"
                ),
            ),
            (
                "ReferencedStudySequence[1].ReferencedSOPInstanceUID: x",
                (
                    "11:7: queries.q.keys.ReferencedStudySequence[1]"
                    ".ReferencedSOPInstanceUID: ReferencedStudySequence[1]"
                    ".ReferencedSOPInstanceUID: a key sequence has one item, [0] "
                    "(PS3.4 C.2.2.2.6)"
                ),
            ),
            (
                "PatientSex: [M, F]",
                (
                    "11:19: queries.q.keys.PatientSex: a list is only for UIDs (PS3.4 "
                    "C.2.2.2.2), and PatientSex is CS; ask for each value with "
                    "'any_of', which merges the rows, or with 'matrix'"
                ),
            ),
            (
                "StudyInstanceUID: []",
                (
                    "11:25: queries.q.keys.StudyInstanceUID: an empty list asks for "
                    'nothing; write "" to ask for the attribute'
                ),
            ),
            (
                "StudyInstanceUID: [1.2, '']",
                (
                    "11:25: queries.q.keys.StudyInstanceUID: an empty text in a "
                    "list of UIDs matches nothing; remove it"
                ),
            ),
            (
                "StudyInstanceUID: [1.2, [1.3]]",
                (
                    "11:25: queries.q.keys.StudyInstanceUID: a list here holds "
                    "UIDs, each a text"
                ),
            ),
            (
                "ReferencedStudySequence: x",
                (
                    "11:32: queries.q.keys.ReferencedStudySequence: "
                    'ReferencedStudySequence is a sequence; write "" or the keys '
                    "of its "
                    "item"
                ),
            ),
            (
                "ReferencedStudySequence: [{ReferencedSOPInstanceUID: x}]",
                (
                    "11:32: queries.q.keys.ReferencedStudySequence: a key sequence "
                    "has one item; write its keys without a list"
                ),
            ),
            (
                "PatientID: {PatientName: x}",
                (
                    "11:7: queries.q.keys.PatientID: PatientID is LO and no "
                    "sequence; give it one value"
                ),
            ),
            (
                "PatientID: {}",
                (
                    "11:18: queries.q.keys.PatientID: PatientID is LO and no sequence; "
                    "give it one value"
                ),
            ),
            (
                "QueryRetrieveLevel: STUDY",
                (
                    "11:7: queries.q.keys.QueryRetrieveLevel: (0008,0052) is "
                    "written from the query's field 'level'; write it there"
                ),
            ),
            (
                "SpecificCharacterSet: ISO_IR 100",
                (
                    "11:7: queries.q.keys.SpecificCharacterSet: (0008,0005) is "
                    "added when a key needs it; to choose it, write the peer's "
                    "charset.request"
                ),
            ),
            (
                "AffectedSOPClassUID: x",
                (
                    "11:7: queries.q.keys.AffectedSOPClassUID: 'AffectedSOPClassUID' "
                    "cannot be a key: group 0000 is the command set, never part of an "
                    "Identifier"
                ),
            ),
            (
                "0002,0010: x",
                (
                    "11:7: queries.q.keys.0002,0010: '0002,0010' cannot be a key: "
                    "group 0002 is file meta information, never part of an Identifier"
                ),
            ),
        ],
    )
    def test_say_why(
        self, problems: Problems, with_keys: Job_, body: str, problem: str
    ) -> None:
        assert problems(with_keys(body)) == [f"job.yaml:{problem}"]

    def test_of_half_a_tag_in_a_list(
        self, problems: Problems, with_query: Job_
    ) -> None:
        found = problems(with_query("model: study\nreturn: [(0010,0020), 0008,0060]"))
        assert found == [
            (
                "job.yaml:9:14: (0010,0020) must stand in quotes between brackets, "
                "because "
                'YAML splits it at the comma; write "(0010,0020)"'
            ),
            (
                "job.yaml:9:27: queries.q.return: '0008' is half a tag, because "
                "YAML splits "
                'it at the comma; write "(gggg,eeee)" in quotes'
            ),
            (
                "job.yaml:9:32: queries.q.return: '0060' is half a tag, because "
                "YAML splits "
                'it at the comma; write "(gggg,eeee)" in quotes'
            ),
        ]

    def test_of_a_key_that_is_asked_and_returned(
        self, problems: Problems, with_query: Job_
    ) -> None:
        body = "model: study\nkeys: {PatientID: x}\nreturn: PatientID"
        assert problems(with_query(body)) == [
            (
                "job.yaml:10:13: queries.q.keys: PatientID stands here and at "
                "job.yaml:9:12; keep one of them"
            )
        ]

    def test_of_an_item_in_a_nested_0008_0005(
        self, load: Load, with_keys: Job_
    ) -> None:
        # Only the root's (0008,0005) rules the Identifier as a whole.
        load(with_keys("ReferencedStudySequence: {SpecificCharacterSet: ''}"))
