"""Fields of queries whose requests belong together, and of windows that are split."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import pytest

from batchfind.job.model import Dedupe, Expect, Job, Query, Split, Unset, Verify

Problems: TypeAlias = Callable[[str | bytes], list[str]]
Block: TypeAlias = Callable[[str], str]

STUDY = "model: study\nlevel: STUDY\nkeys: {StudyInstanceUID: ''}\n"


@pytest.fixture
def read(load: Callable[[str], Job], with_query: Block) -> Callable[[str], Query]:
    """The only query of a job with these fields."""
    return lambda body: load(with_query(STUDY + body)).queries["q"]


@pytest.fixture
def wrong(problems: Problems, with_query: Block) -> Callable[[str], str]:
    """The only problem of a query with these fields, which begin in line 11."""

    def problem(body: str) -> str:
        (found,) = problems(with_query(STUDY + body))
        return found

    return problem


class TestSplit:
    WINDOW = "window: {key: StudyDate, from: 2026-01-01, to: 2026-01-02, "

    def test_is_off_unless_asked(self, read: Callable[[str], Query]) -> None:
        for text in ("}", "split: off}"):
            window = read(self.WINDOW + text).window
            assert window is not None
            assert window.split is None

    def test_has_its_defaults(self, read: Callable[[str], Query]) -> None:
        window = read(self.WINDOW + "split: adaptive}").window
        assert window is not None
        assert window.split == Split(floor=900, unset=Unset.PROBE, then=())
        assert window.time_key is not None
        assert window.time_key.dotted == "StudyTime"

    def test_takes_all_of_its_fields(self, read: Callable[[str], Query]) -> None:
        window = read(
            self.WINDOW + "split: adaptive, floor: 90s, unset: assume-none, time_key:"
            " AcquisitionTime, then: [{key: ModalitiesInStudy, values: [007, NO]},"
            " {key: PatientSex, values: F, exhaustive: true}]}"
        ).window
        assert window is not None
        assert window.split is not None
        assert (window.split.floor, window.split.unset) == (90, Unset.ASSUME_NONE)
        first, second = window.split.then
        assert [one.text for one in first.values] == ["007", "NO"]
        assert (first.exhaustive, second.exhaustive) == (False, True)
        assert (first.mark.line, first.key.dotted) == (11, "ModalitiesInStudy")

    @pytest.mark.parametrize(
        ("fields", "problem"),
        [
            (
                "floor: 1m}",
                "window.floor: belongs to 'split: adaptive'; write that too, or remove",
            ),
            ("unset: probe}", "window.unset: belongs to 'split: adaptive';"),
            ("split: off, then: []}", "window.then: belongs to 'split: adaptive';"),
            (
                "split: adaptve}",
                "window.split: must be one of off, adaptive, not 'adaptve' (did you",
            ),
            (
                "split: adaptive, floor: 500ms}",
                "window.floor: must be whole seconds, from 1s to 1d",
            ),
            ("split: adaptive, floor: 2d}", "window.floor: must be whole seconds"),
            ("split: adaptive, floor: 0s}", "window.floor: must be whole seconds"),
            (
                "split: adaptive, step: 6h}",
                "window.step: under a day asks for every part of every day; remove it",
            ),
            (
                "split: adaptive, then: [{key: ModalitiesInStudy}]}",
                "window.then[0]: the field 'values' is missing",
            ),
            ("split: adaptive, then: [a]}", "window.then[0]: must be a mapping of"),
            (
                "split: adaptive, then: [{key: Modalitie, values: CT}]}",
                "window.then[0].key: unknown attribute 'Modalitie' (did you mean",
            ),
            (
                "split: adaptive, then: [{key: ProcedureCodeSequence, values: a}]}",
                "window.then[0].key: ProcedureCodeSequence is a sequence; name a key",
            ),
            (
                (
                    "split: adaptive, then: [{key: StudyID, values: a},"
                    " {key: StudyID, values: b}]}"
                ),
                "window.then[1].key: StudyID cuts twice; put its values together",
            ),
            (
                "split: adaptive, then: [{key: StudyTime, values: '12'}]}",
                "window.then[0].key: StudyTime gets a value from the window already",
            ),
            (
                "split: adaptive, then: [{key: QueryRetrieveLevel, values: STUDY}]}",
                "window.then[0].key: (0008,0052) is written from the query's field",
            ),
        ],
    )
    def test_says_what_is_wrong(
        self, wrong: Callable[[str], str], fields: str, problem: str
    ) -> None:
        found = wrong(self.WINDOW + fields)
        assert found.startswith("job.yaml:11:")
        assert f": queries.q.{problem}" in found

    def test_says_once_that_a_template_lacks_quotes(
        self, wrong: Callable[[str], str]
    ) -> None:
        found = wrong("window: {key: StudyDate, from: {{ today }}}")
        assert found.endswith('put the template in quotes: "{{ today }}"')

    def test_needs_a_key(self, wrong: Callable[[str], str]) -> None:
        text = "window: {from: 2026-01-01, split: adaptive}\nreturn: StudyDate"
        assert "queries.q.window.split: adaptive needs 'key'" in wrong(text)

    def test_of_a_date_time_has_no_time(self, wrong: Callable[[str], str]) -> None:
        text = "key: AcquisitionDateTime, time_key: StudyTime, from: 2026-01-01"
        found = wrong(f"window: {{{text}, split: adaptive}}")
        assert "AcquisitionDateTime holds the time itself; remove time_key" in found

    @pytest.mark.parametrize("other", ["'keys'", "any_of"])
    def test_by_a_key_that_is_matched_already(
        self, problems: Problems, with_query: Block, other: str
    ) -> None:
        split = "split: adaptive, then: [{key: PatientSex, values: [O]}]}"
        written = "any_of: {PatientSex: [F, M]}\n" if other == "any_of" else ""
        keys = STUDY if written else STUDY.replace("''}", "'', PatientSex: F}")
        (found,) = problems(with_query(keys + written + self.WINDOW + split))
        assert f"PatientSex gets a value from {other} already; keep one" in found


class TestAnyOf:
    def test_keeps_texts_as_written(self, read: Callable[[str], Query]) -> None:
        (one,) = read("any_of: {AccessionNumber: [007, NO, 2026-01-01]}").any_of
        assert [value.text for value in one.values] == ["007", "NO", "2026-01-01"]
        assert (one.name, one.mark.line, one.mark.column) == ("AccessionNumber", 11, 14)
        assert one.values[1].mark.column == 37

    def test_takes_one_value_and_keys_within_sequences(
        self, read: Callable[[str], Query]
    ) -> None:
        found = read(
            "any_of: {'0010,0040': F, ProcedureCodeSequence: {CodeValue: [a, b]}}"
        ).any_of
        assert [one.key.dotted for one in found] == [
            *("PatientSex", "ProcedureCodeSequence.CodeValue"),
        ]
        assert [one.name for one in found] == ["PatientSex", "CodeValue"]

    @pytest.mark.parametrize(
        ("fields", "problem"),
        [
            ("any_of: {}", "any_of: must be a mapping of key paths to lists of values"),
            ("any_of: []", "any_of: must be a mapping of key paths to lists of"),
            ("any_of: {PatientSex: []}", "any_of.PatientSex: must be"),
            ("any_of: {PatientSex: [F, [M]]}", "any_of.PatientSex[1]: must be a text"),
            (
                "any_of: {PatientSex: {a: F}}",
                "any_of.PatientSex: PatientSex is CS and no sequence; give it a list",
            ),
            (
                "any_of: {ProcedureCodeSequence: {}}",
                "any_of.ProcedureCodeSequence: must be a mapping of key paths",
            ),
            (
                "any_of: {PatientSexx: [F]}",
                "any_of.PatientSexx: unknown attribute 'PatientSexx' (did you mean",
            ),
            (
                "any_of: {ProcedureCodeSequence: ''}",
                "any_of.ProcedureCodeSequence: ProcedureCodeSequence is a sequence",
            ),
            (
                "any_of: {PatientSex: [F], '0010,0040': [M]}",
                "any_of.PatientSex: PatientSex stands here and at job.yaml:11:14; keep",
            ),
            (
                "matrix: {PatientSex: [F]}\nany_of: {PatientSex: [F]}",
                "any_of.PatientSex: 'PatientSex' is a matrix axis too; rename the axis",
            ),
            (
                "any_of: {QueryRetrieveLevel: [STUDY]}",
                "any_of.QueryRetrieveLevel: (0008,0052) is written from",
            ),
            (
                (
                    "any_of: {StudyInstanceUID: ['1.2', '1.3']}\nreturn: StudyDate\n"
                    "window: {key: StudyDate, from: 2026-01-01}\nmatrix: {a: [b]}\n"
                    "carry: [StudyInstanceUIDs]"
                ),
                "carry: 'StudyInstanceUIDs' is no name of matrix, rows, any_of or",
            ),
        ],
    )
    def test_says_what_is_wrong(
        self,
        problems: Problems,
        with_query: Block,
        fields: str,
        problem: str,
    ) -> None:
        (found,) = problems(with_query(STUDY + fields))
        assert f": queries.q.{problem}" in found

    def test_says_once_that_a_tag_is_split(
        self, problems: Problems, with_query: Block
    ) -> None:
        (found,) = problems(with_query(STUDY + "any_of: {0010,0020: [a]}"))
        assert "because YAML splits it at the comma" in found

    def test_has_the_only_value_of_its_key(
        self, problems: Problems, with_query: Block
    ) -> None:
        text = "model: study\nlevel: STUDY\nkeys: {PatientSex: F}\n"
        (found,) = problems(with_query(text + "any_of: {PatientSex: [F, M]}"))
        assert found == (
            "job.yaml:11:14: queries.q.any_of.PatientSex: PatientSex gets a value from"
            " 'keys' already; keep one of them"
        )

    def test_is_a_matching_key(self, problems: Problems, with_query: Block) -> None:
        text = "model: ups-pull\nreturn: SOPInstanceUID\nany_of: {PatientID: [a, b]}"
        assert problems(with_query(text)) == []

    def test_stands_where_peers_look_for_it(
        self, problems: Problems, with_query: Block
    ) -> None:
        text = "model: worklist\nreturn: PatientID\nany_of: {Modality: [CT, MR]}"
        (found,) = problems(with_query(text))
        assert ": queries.q.any_of.Modality: peers do not look for Modality" in found

    def test_uses_dates_in_a_zone(self, problems: Problems, with_query: Block) -> None:
        text = STUDY + 'any_of: {StudyDate: ["{{ today }}", "{{ yesterday }}"]}'
        assert problems(with_query(text)) == []
        (found,) = problems(with_query(text).replace("timezone: UTC\n", ""))
        assert "the field 'timezone' is missing" in found


STEP = "ScheduledProcedureStepSequence"


class TestASequenceAsAWhole:
    """Source: PS3.4 Section C.2.2.2.6."""

    @pytest.mark.parametrize(
        ("fields", "place", "field"),
        [
            (
                (
                    f"window: {{key: {STEP}.ScheduledProcedureStepStartDate,"
                    " from: 2026-01-01, split: adaptive}"
                ),
                "window.key",
                "the window writes ScheduledProcedureStepStartDate",
            ),
            (
                f"any_of: {{{STEP}: {{Modality: [CT, MR]}}}}",
                f"any_of.{STEP}.Modality",
                "any_of writes Modality",
            ),
            (
                (
                    "window: {key: StudyDate, from: 2026-01-01, split: adaptive, then:"
                    f" [{{key: {STEP}.Modality, values: [CT]}}]}}"
                ),
                "window.then[0].key",
                "the window's then writes Modality",
            ),
        ],
    )
    @pytest.mark.parametrize("whole", [f"keys: {{{STEP}: ''}}", f"return: {STEP}"])
    def test_takes_no_key_inside_it(
        self,
        problems: Problems,
        with_query: Block,
        whole: str,
        fields: str,
        place: str,
        field: str,
    ) -> None:
        (found,) = problems(with_query(f"model: worklist\n{whole}\n{fields}"))
        assert f"queries.q.{place}: {field} into {STEP}, which is asked for" in found
        assert "so name there the keys you want" in found

    def test_may_stand_beside_other_keys(
        self, problems: Problems, with_query: Block
    ) -> None:
        text = "model: worklist\nreturn: ReferencedStudySequence\n"
        assert (
            problems(with_query(f"{text}any_of: {{{STEP}: {{Modality: [CT]}}}}")) == []
        )

    def test_is_as_written_in_a_raw_query(
        self, problems: Problems, with_query: Block
    ) -> None:
        text = f"model: worklist\nraw: true\nkeys: {{{STEP}: ''}}\n"
        assert (
            problems(with_query(f"{text}any_of: {{{STEP}: {{Modality: [CT]}}}}")) == []
        )


JOB = """\
version: 1
name: test
peers:
  a: {host: a.example.org, port: 104}
  b: {host: b.example.org, port: 104}
queries:
  parent: {model: study, level: STUDY, peers: [a, b], keys: {PatientID: x}}
  child:
    model: study
    level: SERIES
    keys: {SeriesInstanceUID: ""}
"""


class TestForEach:
    def test_takes_all_of_its_fields(self, load: Callable[[str], Job]) -> None:
        each = "{query: parent, keys: StudyInstanceUID, columns: {n: PatientName}"
        query = load(f"{JOB}    for_each: {each}, max: 5}}\n").queries["child"]
        assert query.peers == ()
        assert query.for_each is not None
        assert query.for_each.query == "parent"
        assert [one.dotted for one in query.for_each.keys] == ["StudyInstanceUID"]
        assert query.for_each.columns["n"].dotted == "PatientName"
        assert query.for_each.limit == 5
        assert query.for_each.mark.line == 12
        query = load(f"{JOB}    for_each: {each}}}\n").queries["child"]
        assert query.for_each is not None
        assert query.for_each.limit == 100_000

    @pytest.mark.parametrize(
        ("fields", "problem"),
        [
            (
                "for_each: {query: parnt, keys: [StudyInstanceUID]}",
                (
                    "12:23: queries.child.for_each.query: there is no query 'parnt'"
                    " (did you mean 'parent'?)"
                ),
            ),
            (
                "for_each: {query: child, keys: [StudyInstanceUID]}",
                (
                    "12:23: queries.child.for_each.query: a query cannot be asked for"
                    " its own rows; name another"
                ),
            ),
            (
                "for_each: {keys: [StudyInstanceUID]}",
                "12:15: queries.child.for_each: the field 'query' is missing",
            ),
            (
                "for_each: {query: parent, keys: [StudyInstanceUID, '0020,000d']}",
                "12:56: queries.child.for_each.keys: StudyInstanceUID stands here and",
            ),
            (
                "for_each: {query: parent, keys: [RequestAttributesSequence]}",
                "12:38: queries.child.for_each.keys: RequestAttributesSequence is a",
            ),
            (
                "for_each: {query: parent, keys: [Nope]}",
                "12:38: queries.child.for_each.keys: unknown attribute 'Nope'",
            ),
            (
                "for_each: {query: parent, columns: {peer: PatientID}}",
                "12:41: queries.child.for_each.columns.peer: 'peer' has a meaning",
            ),
            (
                "for_each: {query: parent, columns: {x: RequestAttributesSequence}}",
                "12:44: queries.child.for_each.columns.x: RequestAttributesSequence is",
            ),
            (
                (
                    "for_each: {query: parent, keys: [SeriesInstanceUID]}\n"
                    "    any_of: {SeriesInstanceUID: ['1.2']}"
                ),
                (
                    "12:38: queries.child.for_each.keys[0]: SeriesInstanceUID gets a"
                    " value from any_of already; keep one of them"
                ),
            ),
            (
                "for_each: {query: parent, keys: [StudyInstanceUID]}\n    files: a.dcm",
                (
                    "13:12: queries.child.files: the rows of 'parent' make the"
                    " requests, so files cannot, too; remove one of the two"
                ),
            ),
            (
                (
                    "for_each: {query: parent, keys: [StudyInstanceUID]}\n"
                    "    rows: {from: [{a: b}]}"
                ),
                "13:11: queries.child.rows: the rows of 'parent' make the requests",
            ),
        ],
    )
    def test_says_what_is_wrong(
        self, problems: Problems, fields: str, problem: str
    ) -> None:
        found = problems(f"{JOB}    {fields}\n")
        assert any(one.startswith(f"job.yaml:{problem}") for one in found), found

    def test_refuses_a_ring(self, problems: Problems) -> None:
        text = JOB.replace("keys: {PatientID: x}", "keys: {PatientID: x}, for_each: {}")
        text = text.replace("for_each: {}", "for_each: {query: child, keys: PatientID}")
        each = "    for_each: {query: parent, keys: [StudyInstanceUID]}\n"
        found = problems(text.replace("PatientID: x}", "PatientName: x}") + each)
        assert [one.partition("waits")[2] for one in found] == [
            " for the other (parent → child → parent); remove one for_each",
            " for the other (child → parent → child); remove one for_each",
        ]

    def test_above_a_ring_is_no_part_of_it(self, problems: Problems) -> None:
        text = JOB.replace(
            "PatientID: x}", "PatientName: x}, for_each: {query: parent}"
        )
        each = "    for_each: {query: parent, keys: [StudyInstanceUID]}\n"
        found = problems(text + each)
        assert len(found) == 1
        assert "queries.parent.for_each.query: a query cannot be asked" in found[0]


class TestPolicies:
    def test_have_their_defaults(self, read: Callable[[str], Query]) -> None:
        query = read("")
        assert (query.dedupe, query.verify_matches) == (Dedupe.FAMILY, Verify.WARN)
        assert (query.expect, query.unique) == (None, ())

    def test_are_read(self, read: Callable[[str], Query]) -> None:
        query = read(
            "unique: [StudyID, '0008,0050']\ndedupe: query\nverify_matches: off\n"
            "expect: {complete: true, min_rows: 0, max_rows: 9, unique: StudyID,"
            " not_null: [PatientID, bf_peer]}"
        )
        assert [one.dotted for one in query.unique] == ["StudyID", "AccessionNumber"]
        assert (query.dedupe, query.verify_matches) == (Dedupe.QUERY, Verify.OFF)
        assert query.expect == Expect(
            complete=True,
            min_rows=0,
            max_rows=9,
            unique=("StudyID",),
            not_null=("PatientID", "bf_peer"),
        )
        assert query.marks["unique[1]"].column == 23
        assert query.marks["expect.not_null[1]"].line == 14

    @pytest.mark.parametrize(
        ("fields", "problem"),
        [
            ("dedupe: familly", "dedupe: must be one of family, query, off, not"),
            ("verify_matches: true", "verify_matches: must be one of warn, drop, off"),
            ("unique: [StudyID, StudyID]", "unique: must not name anything twice"),
            ("unique: ProcedureCodeSequence", "unique: ProcedureCodeSequence is a"),
            ("unique: ''", "unique: must be a key path or a list of key paths, not ''"),
            ("unique: null", "unique: must be a key path or a list of key paths, not"),
            ("unique: 5", "unique: must be a key path or a list of key paths, not 5"),
            ("unique: ['']", "unique: a key path must not be empty"),
            (
                "verify: drop",
                "verify: unknown field 'verify' (did you mean 'verify_matches'?)",
            ),
            (
                "expect: {min_rows: 9999999999}",
                "expect.min_rows: must be at most 1000000000, not 9999999999",
            ),
            ("expect: {}", "expect: must be a mapping of expectations, and not empty"),
            (
                "expect: {min_rows: -1}",
                "expect.min_rows: must be an integer, 0 or more",
            ),
            (
                "expect: {min_rows: 2, max_rows: 1}",
                "expect.max_rows: is below min_rows",
            ),
            ("expect: {complete: yes}", "expect.complete: must be true or false"),
            ("expect: {unqiue: [a]}", "expect.unqiue: unknown field 'unqiue' (did you"),
        ],
    )
    def test_say_what_is_wrong(
        self, problems: Problems, with_query: Block, fields: str, problem: str
    ) -> None:
        (found,) = problems(with_query(STUDY + fields))
        assert f": queries.q.{problem}" in found
