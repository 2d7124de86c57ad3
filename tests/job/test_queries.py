"""Queries: model and level, peers, and how requests multiply."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from batchfind.job.model import Job, Lint, Repeat

Problems: TypeAlias = Callable[[str | bytes], list[str]]
Load: TypeAlias = Callable[[str], Job]
Job_: TypeAlias = Callable[[str], str]

TWO_PEERS = (
    "version: 1\nname: x\ntimezone: UTC\n"
    "peers: {ris: {host: a, port: 1}, pacs: {host: b, port: 2}}\n"
)


class TestLevel:
    @pytest.mark.parametrize(
        ("model", "keys", "level"),
        [
            ("study", "PatientName", "STUDY"),
            ("study", "StudyDate, PatientID", "STUDY"),
            ("study", "StudyInstanceUID", "STUDY"),
            ("study", "StudyInstanceUID, Modality", "SERIES"),
            ("study", "StudyInstanceUID, SeriesInstanceUID", "SERIES"),
            ("study", "SOPInstanceUID", "IMAGE"),
            ("patient", "PatientName", "PATIENT"),
            ("patient", "PatientID, StudyDate", "STUDY"),
            ("patient", "PatientID, StudyInstanceUID, SeriesNumber", "SERIES"),
            ("patient-study", "PatientID, StudyDate", "STUDY"),
            ("worklist", "PatientName", None),
            ("1.2.3.4", "PatientName", None),
        ],
    )
    def test_is_inferred(
        self, load: Load, with_query: Job_, model: str, keys: str, level: str | None
    ) -> None:
        job = load(with_query(f"model: {model}\nreturn: [{keys}]"))
        assert job.queries["q"].level == level

    def test_comes_from_the_window_too(self, load: Load, with_query: Job_) -> None:
        body = "model: patient\nreturn: PatientID\nwindow: {key: StudyDate, from: x}"
        assert load(with_query(body)).queries["q"].level == "STUDY"

    def test_may_come_from_base_identifiers(self, load: Load, with_query: Job_) -> None:
        assert load(with_query("model: study\nfiles: a.dcm")).queries["q"].level is None

    @pytest.mark.parametrize(
        ("body", "problem"),
        [
            (
                "model: study\nreturn: [StudyDate, Modality]",
                (
                    "8:5: queries.q.level: the keys belong to STUDY and SERIES "
                    "(StudyDate above SERIES); write 'level:' with one of STUDY, SERIES"
                ),
            ),
            (
                "model: study\nreturn: TimezoneOffsetFromUTC",
                (
                    "8:5: queries.q.level: the keys tell no level; write 'level:' "
                    "with one of STUDY, SERIES, IMAGE"
                ),
            ),
            (
                "model: worklist\nlevel: STUDY\nreturn: PatientID",
                "9:12: queries.q.level: model worklist has no levels; leave out level",
            ),
            (
                "model: study\nlevel: PATIENT\nreturn: PatientID",
                (
                    "9:12: queries.q.level: model study has no level 'PATIENT'; "
                    "use STUDY, SERIES, IMAGE"
                ),
            ),
            (
                "model: study\nlevel: series\nreturn: Modality",
                (
                    "9:12: queries.q.level: must be one of PATIENT, STUDY, SERIES, "
                    "IMAGE, not 'series' (did you mean 'SERIES'?)"
                ),
            ),
        ],
    )
    def test_is_an_error_when_in_doubt(
        self, problems: Problems, with_query: Job_, body: str, problem: str
    ) -> None:
        assert problems(with_query(body)) == [f"job.yaml:{problem}"]


class TestModel:
    def test_must_be_known(self, problems: Problems, with_query: Job_) -> None:
        assert problems(with_query("model: worklst\nreturn: PatientID")) == [
            (
                "job.yaml:8:12: queries.q.model: must be an information model such as "
                "worklist or study, or a SOP Class UID, not 'worklst' (did you mean "
                "'worklist'?)"
            )
        ]

    def test_must_be_written(self, problems: Problems, with_query: Job_) -> None:
        assert problems(with_query("return: PatientID")) == [
            "job.yaml:8:5: queries.q: the field 'model' is missing"
        ]

    def test_of_64_characters_at_most(
        self, problems: Problems, with_query: Job_
    ) -> None:
        (problem,) = problems(with_query(f"model: {'1.2' * 30}\nreturn: PatientID"))
        assert problem.startswith("job.yaml:8:12: queries.q.model: ")

    def test_that_needs_a_matching_key(
        self, problems: Problems, load: Load, with_query: Job_
    ) -> None:
        body = "model: ups-pull\nkeys: {PatientID: ''}"
        message = (
            "a query of ups-pull without a matching key answers nothing (PS3.4 "
            "CC.2.8.1.2); give one key a value"
        )
        place = "job.yaml:9:11: queries.q.keys"
        assert problems(with_query(body)) == [
            f"{place}: {message}, or write 'lint: lenient'"
        ]
        (warning,) = load(with_query(f"{body}\nlint: lenient")).warnings
        assert str(warning) == f"{place}: warning: {message}"
        load(with_query(f"{body}\nfiles: a.dcm"))

    def test_needs_something_to_ask(self, problems: Problems, with_query: Job_) -> None:
        assert problems(with_query("model: worklist\nkeys: {}")) == [
            "job.yaml:8:5: queries.q: a query needs 'keys', 'return' or 'files'"
        ]


class TestPeers:
    def test_may_be_left_out_when_there_is_one(
        self, load: Load, with_query: Job_
    ) -> None:
        job = load(with_query("model: worklist\nkeys: {PatientID: x}"))
        assert [one.text for one in job.queries["q"].peers] == ["pacs"]

    def test_must_be_named_when_there_are_more(self, problems: Problems) -> None:
        query = "queries: {q: {model: worklist, keys: {PatientID: x}}}"
        assert problems(TWO_PEERS + query) == [
            (
                "job.yaml:5:14: queries.q: the field 'peers' is missing; name some "
                "of ris, pacs"
            )
        ]

    def test_must_exist_once(self, problems: Problems) -> None:
        query = (
            "queries: {q: {model: worklist, peers: [ris, rsi, ris, '{{ x }}'], "
            "keys: {PatientID: x}}}"
        )
        assert problems(TWO_PEERS + query) == [
            (
                "job.yaml:5:45: queries.q.peers: there is no peer 'rsi' (did you mean "
                "'ris'?)"
            ),
            "job.yaml:5:50: queries.q.peers: the peer 'ris' is named twice",
        ]

    def test_take_one_without_a_list(self, load: Load) -> None:
        query = "queries: {q: {model: worklist, peers: ris, keys: {PatientID: x}}}"
        peers = load(TWO_PEERS + query).queries["q"].peers
        assert [one.text for one in peers] == ["ris"]


class TestMultiplication:
    def test_takes_every_field(self, load: Load, with_query: Job_) -> None:
        query = load(
            with_query(
                """
                model: study
                calling_ae: ME
                called_ae: "{{ ae }}"
                keys: {PatientID: "{{ id }}", StudyDate: ""}
                matrix: {ae: [A, B], n: 5}
                exclude: [{ae: B, n: 5}]
                rows:
                  from: [{id: 1}, {id: 2}]
                  on_empty: skip
                  literal: false
                  batch: 2
                repeat: {times: 3, every: 5m, association: new}
                cancel: {after_responses: 10, after: 500ms}
                carry: [ae, id]
                lint: lenient
                allow_universal: true
                """
            )
        ).queries["q"]
        assert query.calling_ae is not None
        assert query.calling_ae.text == "ME"
        assert query.repeat == Repeat(times=3, every=300.0, association="new")
        assert (query.cancel.after_responses, query.cancel.after) == (10, 0.5)
        assert query.rows is not None
        assert (query.rows.skip_empty, query.rows.literal) == (True, False)
        assert query.rows.batch == 2
        assert query.carry == ("ae", "id")
        assert query.lint is Lint.LENIENT
        assert query.allow_universal

    def test_carries_all(self, load: Load, with_query: Job_) -> None:
        query = load(
            with_query("model: worklist\nkeys: {PatientID: x}\ncarry: all")
        ).queries["q"]
        assert query.carry_all
        assert query.carry == ()

    def test_reads_a_file_as_it_is_told(
        self, load: Load, with_query: Job_, tmp_path: Path
    ) -> None:
        rows = (
            load(
                with_query(
                    """
                    model: study
                    keys: {PatientID: "{{ id }}"}
                    rows:
                      from: a.csv
                      columns: {id: Patient ID}
                      delimiter: ";"
                      encoding: utf-16
                    """
                )
            )
            .queries["q"]
            .rows
        )
        assert rows is not None
        assert rows.source == tmp_path / "a.csv"
        assert rows.columns == {"id": "Patient ID"}
        assert (rows.delimiter, rows.encoding) == (";", "utf-16")

    def test_leaves_names_of_a_file_s_columns_open(
        self, load: Load, with_query: Job_
    ) -> None:
        body = "model: study\nkeys: {PatientID: x}\nrows: {from: a.csv}\ncarry: [b]"
        assert load(with_query(body)).queries["q"].carry == ("b",)

    @pytest.mark.parametrize(
        ("fields", "problem"),
        [
            (
                "matrix: {today: [a]}",
                (
                    "10:14: queries.q.matrix.today: 'today' has a meaning of its own; "
                    "choose another name"
                ),
            ),
            (
                "matrix: {a: [x]}\nexclude: [{b: x}]",
                "11:19: queries.q.exclude[0].b: 'b' is no axis of the matrix",
            ),
            (
                "matrix: {a: [CT, MR]}\nexclude: [{a: CR}]",
                ("11:19: queries.q.exclude[0].a: the axis 'a' has no such value"),
            ),
            (
                "matrix: {a: []}",
                (
                    "10:17: queries.q.matrix.a: must be a text or a list of texts, "
                    "and not empty"
                ),
            ),
            (
                "matrix: {id: [1]}\nrows: {from: [{id: 1}]}",
                "11:11: queries.q.rows: 'id' is a matrix axis too; rename one of them",
            ),
            (
                "rows: {from: [{peer: 1}]}",
                (
                    "10:11: queries.q.rows: 'peer' has a meaning of its own; "
                    "rename the column"
                ),
            ),
            (
                "rows: {from: a.csv, columns: {vars: a}}",
                (
                    "10:35: queries.q.rows.columns.vars: 'vars' has a meaning of "
                    "its own; choose another name"
                ),
            ),
            (
                "rows: {from: [{a: 1}, {b: 1}]}",
                (
                    "10:27: queries.q.rows.from[1]: every row has the same names; "
                    "this and the first differ in a, b"
                ),
            ),
            (
                "rows: {from: [{a: 1}], delimiter: ';'}",
                (
                    "10:39: queries.q.rows.delimiter: delimiter is about a file; rows "
                    "written here have none"
                ),
            ),
            (
                "rows: {from: a.csv, encoding: utf-7x}",
                (
                    "10:35: queries.q.rows.encoding: 'utf-7x' is no encoding of text "
                    "that Python knows"
                ),
            ),
            (
                "rows: {from: a.csv, encoding: base64}",
                (
                    "10:35: queries.q.rows.encoding: 'base64' is no encoding of text "
                    "that Python knows"
                ),
            ),
            (
                "rows: {from: [{a: [1]}, x]}",
                "10:23: queries.q.rows.from[0].a: must be a text, not a list",
            ),
            (
                "rows: {from: {a: b}}",
                (
                    "10:18: queries.q.rows.from: must be the path of a CSV or "
                    "Parquet file, or a list of mappings, not a mapping"
                ),
            ),
            (
                "matrix: {a: [1]}\ncarry: [b]",
                (
                    "11:12: queries.q.carry: 'b' is no name of matrix, rows, any_of "
                    "or for_each"
                ),
            ),
        ],
    )
    def test_names_what_is_wrong(
        self, problems: Problems, with_query: Job_, fields: str, problem: str
    ) -> None:
        body = f"model: worklist\nkeys: {{PatientID: x}}\n{fields}"
        assert problems(with_query(body))[0] == f"job.yaml:{problem}"


class TestExplode:
    STEP = "ScheduledProcedureStepSequence"

    @pytest.mark.parametrize(
        ("body", "explode"),
        [
            (f"model: worklist\nkeys: {{{STEP}: {{Modality: CT}}}}", STEP),
            (f"model: worklist\nreturn: {STEP}", STEP),
            ("model: worklist\nkeys: {PatientID: x}", None),
            ("model: worklist\nfiles: a.dcm", STEP),
            (f"model: worklist\nreturn: {STEP}\nexplode: none", None),
            (
                (
                    "model: study\nlevel: STUDY\nreturn: ReferencedStudySequence\n"
                    "explode: (0008,1110)"
                ),
                "ReferencedStudySequence",
            ),
        ],
    )
    def test_has_a_default_for_worklists(
        self, load: Load, with_query: Job_, body: str, explode: str | None
    ) -> None:
        found = load(with_query(body)).queries["q"].explode
        assert (found.dotted if found else None) == explode

    @pytest.mark.parametrize(
        ("value", "problem"),
        [
            ("PatientID", "PatientID is LO, not a sequence"),
            (
                "ReferencedStudySequence",
                "ReferencedStudySequence is not among the keys",
            ),
            ("Nonsense", "unknown attribute 'Nonsense'"),
        ],
    )
    def test_is_a_sequence_among_the_keys(
        self, problems: Problems, with_query: Job_, value: str, problem: str
    ) -> None:
        body = f"model: worklist\nkeys: {{PatientID: x}}\nexplode: {value}"
        assert problems(with_query(body)) == [
            f"job.yaml:10:14: queries.q.explode: {problem}"
        ]


class TestWindow:
    def window(
        self, load: Load, with_query: Job_, fields: str, model: str
    ) -> list[str]:
        body = f"model: {model}\nreturn: PatientID\nwindow: {{{fields}}}"
        window = load(with_query(body)).queries["q"].window
        assert window is not None
        return [
            str(one.dotted if one else None) for one in (window.key, window.time_key)
        ] + [str(window.step)]

    def test_of_days_needs_no_time(self, load: Load, with_query: Job_) -> None:
        fields = "key: StudyDate, from: '{{ today }}', to: x, step: 7d"
        assert self.window(load, with_query, fields, "study") == [
            *("StudyDate", "None", "604800")
        ]

    def test_under_a_day_takes_the_paired_time(
        self, load: Load, with_query: Job_
    ) -> None:
        step = "ScheduledProcedureStepSequence.ScheduledProcedureStepStart"
        fields = f"key: {step}Date, from: x, to: y, step: 6h"
        assert self.window(load, with_query, fields, "worklist") == [
            *(f"{step}Date", f"{step}Time", "21600")
        ]

    def test_takes_the_time_it_is_given(self, load: Load, with_query: Job_) -> None:
        fields = "key: PatientBirthDate, time_key: StudyTime, from: x, to: y, step: 30m"
        assert self.window(load, with_query, fields, "study") == [
            *("PatientBirthDate", "StudyTime", "1800")
        ]

    def test_may_be_open_when_it_is_not_cut(self, load: Load, with_query: Job_) -> None:
        assert self.window(load, with_query, "key: StudyDate, to: x", "study") == [
            *("StudyDate", "None", "None")
        ]

    @pytest.mark.parametrize(
        ("fields", "problem"),
        [
            ("key: StudyDate", ":13: queries.q.window: a window needs 'from' or 'to'"),
            (
                "key: PatientID, from: x",
                ":19: queries.q.window.key: PatientID is LO, but must be a date",
            ),
            (
                "key: StudyDate, time_key: StudyDate, from: x",
                ":40: queries.q.window.time_key: StudyDate is DA, but must be a time",
            ),
            (
                "time_key: StudyTime, from: x",
                ":24: queries.q.window.time_key: belongs to 'key', which is missing",
            ),
            (
                "key: StudyDate, from: x, step: 1d",
                (
                    ":45: queries.q.window.step: needs 'to', since an open "
                    "interval has no end of steps"
                ),
            ),
            (
                "key: StudyDate, from: x, to: y, step: 36h",
                (
                    ":52: queries.q.window.step: must be whole days, or a part of "
                    "24 hours without remainder"
                ),
            ),
            (
                "key: StudyDate, from: x, to: y, step: 7h",
                (
                    ":52: queries.q.window.step: must be whole days, or a part of "
                    "24 hours without remainder"
                ),
            ),
            (
                "key: StudyDate, from: x, to: y, step: 0s",
                (
                    ":52: queries.q.window.step: must be whole days, or a part of "
                    "24 hours without remainder"
                ),
            ),
            (
                "key: StudyVerifiedDate, from: x, to: y, step: 6h",
                (
                    ":60: queries.q.window.step: under a day needs 'time_key', the "
                    "time that goes with StudyVerifiedDate"
                ),
            ),
            (
                "key: StudyUpdateDateTime, from: x, to: y, step: 6h",
                (
                    ":62: queries.q.window.step: StudyUpdateDateTime is DT, which "
                    "is cut by whole days only"
                ),
            ),
        ],
    )
    def test_names_what_is_wrong(
        self, problems: Problems, with_query: Job_, fields: str, problem: str
    ) -> None:
        body = f"model: study\nreturn: PatientID\nwindow: {{{fields}}}"
        assert problems(with_query(body)) == [f"job.yaml:10{problem}"]


class TestTimezone:
    @pytest.mark.parametrize(
        ("fields", "where", "what"),
        [
            ("keys: {StudyDate: '{{ today }}'}", "8:23", "'today'"),
            (
                "keys: {StudyDate: ''}\nmatrix: {d: ['{{ now - days(1) }}']}",
                "9:18",
                "'now'",
            ),
            (
                "keys: {StudyDate: ''}\nrows: {from: [{d: '{% if tomorrow %}'}]}",
                "9:23",
                "'tomorrow'",
            ),
            (
                "keys: {PatientID: ''}\nwindow: {key: StudyDate, from: '20260101'}",
                "9:13",
                "a window",
            ),
        ],
    )
    def test_is_required_by_dates(
        self, problems: Problems, with_query: Job_, fields: str, where: str, what: str
    ) -> None:
        job = with_query(f"model: study\n{fields}").replace("timezone: UTC\n", "")
        assert problems(job) == [
            (
                f"job.yaml:{where}: timezone: the field 'timezone' is missing, and "
                f"{what} "
                "depends on it; write it at the top of the job, such as 'timezone: "
                "Europe/Berlin'"
            )
        ]

    @pytest.mark.parametrize("value", ["today", "{{ 'today' }}", "{{ vars.today }}"])
    def test_is_not_required_by_the_mere_word(
        self, load: Load, with_query: Job_, value: str
    ) -> None:
        job = with_query(f'model: study\nkeys: {{PatientName: "{value}"}}')
        load("vars: {today: x}\n" + job.replace("timezone: UTC\n", ""))

    def test_must_exist(self, problems: Problems, with_query: Job_) -> None:
        job = with_query("model: worklist\nreturn: PatientID")
        assert problems(job.replace("UTC", "Mars/Olympus")) == [
            (
                "job.yaml:3:11: timezone: 'Mars/Olympus' is no IANA time zone; write"
                " Region/City, such as Europe/Berlin"
            )
        ]
