"""What YAML makes of DICOM values, and what a job makes of them instead."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from batchfind.errors import JobError
from batchfind.job.loader import load_job
from batchfind.job.model import Job

Problems: TypeAlias = Callable[[str | bytes], list[str]]
Load: TypeAlias = Callable[[str], Job]
Job_: TypeAlias = Callable[[str], str]


class TestValuesKeepTheirText:
    @pytest.mark.parametrize(
        ("written", "sent"),
        [
            ("00123", "00123"),
            ("12:30:15", "12:30:15"),
            ("NO", "NO"),
            ("true", "true"),
            ("2026-01-01", "2026-01-01"),
            ("1e3", "1e3"),
            ("0x10", "0x10"),
            ("1_000", "1_000"),
            (".inf", ".inf"),
            ("", ""),
            ('""', ""),
            ('"null"', "null"),
            ('"*"', "*"),
            ("SM?TH*", "SM?TH*"),
            ("'{{ vars.x }}'", "{{ vars.x }}"),
            ("A{{ vars.x }}", "A{{ vars.x }}"),
            ("!!str 00123", "00123"),
            ("AB # a comment", "AB"),
            ("# a comment", ""),
        ],
    )
    def test_as_a_key(
        self, load: Load, with_keys: Job_, written: str, sent: str
    ) -> None:
        job = load(with_keys(f"PatientID: {written}"))
        (entry,) = job.queries["q"].keys
        assert [scalar.text for scalar in entry.values] == [sent]

    def test_in_matrix_vars_exclude_and_rows(
        self, load: Load, with_query: Job_
    ) -> None:
        job = load(
            "vars: {n: 007}\n"
            + with_query(
                """
                model: study
                keys: {StudyTime: "{{ t }}", PatientID: "{{ id }}"}
                matrix: {t: [12:30:15, NO], m: 010}
                exclude: [{t: NO}]
                rows: {from: [{id: 00123}]}
                """
            )
        )
        query = job.queries["q"]
        assert job.vars["n"].text == "007"
        assert [one.text for one in query.matrix["t"]] == ["12:30:15", "NO"]
        assert [one.text for one in query.matrix["m"]] == ["010"]
        assert query.exclude[0]["t"].text == "NO"
        assert query.rows is not None
        assert query.rows.inline[0]["id"].text == "00123"


QUOTED_TEMPLATE = (
    'an unquoted { begins a YAML mapping; put the template in quotes: "{{ x }}"'
)
SPLIT = "must stand in quotes between brackets, because YAML splits it at the comma"
NO_TAB = "YAML allows no tab here; write spaces instead"
EMPTY = "nothing follows here, so this value is empty; put it in quotes"

TRAPS = {
    "star": (
        "PatientID: *",
        '11:18: an unquoted * begins an alias in YAML; write "*" in quotes',
    ),
    "star before": (
        "PatientID: *SMITH",
        (
            "11:18: an unquoted * begins a YAML alias and no anchor &SMITH stands "
            "above; "
            'write a wildcard in quotes: "*SMITH"'
        ),
    ),
    "star around": (
        "PatientID: *SMITH*",
        '11:18: an unquoted * begins an alias in YAML; write "*SMITH*" in quotes',
    ),
    "question mark": (
        "PatientID: ?",
        "11:18: a lone ? means something else in YAML; put it in quotes",
    ),
    "template": ("PatientID: {{ x }}", f"11:18: {QUOTED_TEMPLATE}"),
    "template with more": ("PatientID: {{ x }}*", f"11:18: {QUOTED_TEMPLATE}"),
    "template in a list": ("StudyInstanceUID: [{{ x }}]", f"11:26: {QUOTED_TEMPLATE}"),
    "template in braces": (
        "{PatientID: a{{ x }}}",
        (
            "11:20: an unquoted { begins a YAML mapping; put the whole value with its "
            "{{ }} in quotes"
        ),
    ),
    "tab before": ("PatientID: a\n\tPatientName: b", f"12:7: {NO_TAB}"),
    "tab after": ("PatientID:\ta", f"11:17: {NO_TAB}"),
    "duplicate key": (
        "PatientID: a\nPatientID: b",
        "12:7: 'PatientID' stands here and at job.yaml:11:7; keep one of them",
    ),
    "tag in braces": (
        "{(0010,0020): x}",
        f'11:8: (0010,0020) {SPLIT}; write "(0010,0020)"',
    ),
    "bare tag in braces": (
        "{0010,0020: x}",
        f'11:8: 0010,0020 {SPLIT}; write "0010,0020"',
    ),
    "path in braces": (
        "{(0008,1111).(0008,1150): x}",
        f'11:8: (0008,1111).(0008,1150) {SPLIT}; write "(0008,1111).(0008,1150)"',
    ),
    "item in braces": (
        "{ReferencedStudySequence[0].ReferencedSOPInstanceUID: x}",
        (
            "11:31: between brackets YAML expects ',' or the closing bracket here; put "
            "text that contains any of { } [ ] , in quotes"
        ),
    ),
    "null": (
        "PatientID: null",
        (
            "11:18: queries.q.keys.PatientID: an unquoted null is ambiguous; write "
            '"" for nothing, or "null" for the text'
        ),
    ),
    "tilde": (
        "PatientID: ~",
        (
            '11:18: queries.q.keys.PatientID: an unquoted ~ is ambiguous; write "" for '
            'nothing, or "~" for the text'
        ),
    ),
    "comment": (
        "PatientID: #123",
        (
            "11:17: #123 is a comment in YAML, so this value is empty; put it in "
            "quotes, "
            'or write "" and a blank after the #'
        ),
    ),
    "anchor": ("PatientID: &SMITH", f"11:18: {EMPTY}"),
    "tag": ("PatientID: !", f"11:18: {EMPTY}"),
    "typed": (
        "PatientID: !!int 3",
        (
            "11:18: the YAML tag !!int is not used in jobs; remove it, or put the "
            "value in quotes"
        ),
    ),
    "python": (
        "PatientID: !!python/name:os.system a",
        (
            "11:18: the YAML tag !!python/name:os.system is not used in jobs; "
            "remove it, or put the value in quotes"
        ),
    ),
    "typed collection": (
        "PatientID: !!omap [a]",
        (
            "11:18: the YAML tag !!omap is not used in jobs; remove it, or put the "
            "value in quotes"
        ),
    ),
    "dash": (
        "StudyDate: -",
        (
            "11:18: a '-' cannot begin a list here; put a lone - in quotes, or "
            "begin the list on its own line"
        ),
    ),
    "colon": (
        "StudyDescription: HEAD: CT",
        (
            "11:29: a ': ' cannot stand here; put a value that contains ': ' in "
            "quotes, or check the indentation"
        ),
    ),
    "at sign": (
        "PatientID: @a",
        "11:18: a value cannot begin with @; put it in quotes",
    ),
    "text after quotes": (
        'PatientID: "a" b',
        (
            "11:22: nothing can follow the value on its line; put the whole value in "
            "quotes"
        ),
    ),
    "open quote": ('PatientID: "a', "11:18: this quote is never closed"),
    "open quote that another ends": (
        'PatientID: "a\nPatientName: "b"\nStudyDate: ""',
        "11:18: this quote is never closed",
    ),
    "open quote that another ends, far above": (
        "PatientID: 'a\nPatientName: b\nStudyDate: 'c'",
        "11:18: this quote is never closed",
    ),
    "comparison": (
        "StudyDate: >=20200101",
        (
            "11:18: an unquoted > begins a block of text in YAML; write "
            '"20200101-" for a range'
        ),
    ),
    "greater than": (
        "StudyDate: > 20200101\nPatientID: a",
        (
            "11:18: an unquoted > begins a block of text in YAML; write "
            '"20200101-" for a range'
        ),
    ),
    "comparison between braces": (
        "ProcedureCodeSequence: {CodeValue: >=5}",
        '11:42: an unquoted > begins a block of text in YAML; write ">=5" in quotes',
    ),
    "bar": (
        "PatientID: |a  # why",
        '11:18: an unquoted | begins a block of text in YAML; write "|a" in quotes',
    ),
    "empty block": (
        "PatientID: >2\nPatientName: a",
        (
            "11:18: the block that this > begins is empty; write the value behind the "
            'colon, or ""'
        ),
    ),
    "open bracket": ("PatientID: [a", "11:18: this bracket is never closed"),
    "open brace": ("{PatientID: a", "11:7: this bracket is never closed"),
    "dedent": (
        "  PatientID: a\nPatientName: b",
        "12:7: this line's indentation fits none above; align it with its neighbours",
    ),
    "no blank": (
        "PatientID: a\nPatientName:b\nStudyDate: c",
        "12:7: this line has no 'key: value'; check the colon and the blank after it",
    ),
    "complex key": (
        "? [a]\n: b",
        "11:9: a key must be text, not a list or a mapping",
    ),
    "merge of text": (
        "<<: a",
        "11:11: << takes an alias of a mapping, or a list of them",
    ),
    "control character": (
        "PatientID: a\x01b",
        "11:19: the control character U+0001 cannot stand in YAML",
    ),
    "half a character": (
        'PatientID: "\\ud800"',
        "11:18: half of a surrogate pair is no character; write the character",
    ),
}


@pytest.mark.parametrize(("body", "problem"), TRAPS.values(), ids=TRAPS)
def test_a_trap_gives_one_clear_error(
    problems: Problems, with_keys: Job_, body: str, problem: str
) -> None:
    assert problems(with_keys(body)) == [f"job.yaml:{problem}"]


class TestTypedFieldsFollowYaml12:
    def test_a_leading_zero_is_decimal(self, load: Load, with_peer: Job_) -> None:
        job = load(with_peer("host: h\nport: 0104"))
        assert job.peers["pacs"].port == 104

    def test_octal_and_hexadecimal(self, load: Load, with_peer: Job_) -> None:
        job = load(with_peer("host: h\nport: 0o150\ndeflate_level: 0x3"))
        peer = job.peers["pacs"]
        assert (peer.port, peer.deflate_level) == (104, 3)

    @pytest.mark.parametrize(
        ("written", "shown"),
        [
            ("104.0", "104.0"),
            ("1e2", "100.0"),
            ("true", "true"),
            ("x", "'x'"),
            ("", "nothing"),
            ("[104]", "a list"),
            ("{a: b}", "a mapping"),
            ("0", "0"),
            ("65536", "65536"),
            ('"104"', "'104'; remove the quotes"),
        ],
    )
    def test_a_port_is_an_integer_in_range(
        self, problems: Problems, with_peer: Job_, written: str, shown: str
    ) -> None:
        (problem,) = problems(with_peer(f"host: h\nport: {written}"))
        wanted = "peers.pacs.port: must be a TCP port, 1 to 65535, not "
        assert problem.partition(": ")[2] == f"{wanted}{shown}"

    def test_no_is_no_boolean(self, problems: Problems, with_query: Job_) -> None:
        body = "model: worklist\nkeys: {PatientID: x}\nallow_universal: NO"
        assert problems(with_query(body)) == [
            "job.yaml:10:22: queries.q.allow_universal: must be true or false, not 'NO'"
        ]


class TestAliases:
    def test_an_anchor_serves_twice(self, load: Load, with_keys: Job_) -> None:
        job = load(with_keys("PatientID: &id AB\nAccessionNumber: *id"))
        assert [key.values[0].text for key in job.queries["q"].keys] == ["AB", "AB"]

    def test_own_keys_win_over_merged_ones(self, load: Load) -> None:
        job = load(
            """
            version: 1
            name: test
            peers:
              a: &base {host: a, port: 104, called_ae: A, deflate_level: 1}
              b: &more {host: b, port: 105, deflate_level: 2, called_ae: B}
              c: {<<: [*base, *more], host: c}
              d: {"host": d, <<: *more}
            queries:
              q: {model: worklist, peers: [a], keys: {PatientID: x}}
            """
        )
        found = [(one.host, one.port, one.deflate_level) for one in job.peers.values()]
        assert found[2:] == [("c", 104, 1), ("d", 105, 2)]

    def test_laughs_end_early(self, problems: Problems) -> None:
        lines = ["a: &a [x,x,x,x,x,x,x,x,x]"]
        for name, below in zip("bcdefghi", "abcdefgh", strict=True):
            lines.append(f"{name}: &{name} [{','.join([f'*{below}'] * 9)}]")
        assert problems("\n".join(lines)) == [
            (
                "job.yaml:6:8: more than 100000 values once aliases are expanded; move "
                "long lists to a rows file"
            )
        ]

    def test_an_alias_within_its_anchor_is_refused(self, problems: Problems) -> None:
        assert problems("a: &a [*a]") == [
            (
                "job.yaml:1:8: the alias *a stands inside its own anchor; it would "
                "never end"
            )
        ]


class TestWholeFiles:
    @pytest.mark.parametrize("text", [b"", b"\n", b"# nothing\n", b"---\n...\n"])
    def test_an_empty_file(self, problems: Problems, text: bytes) -> None:
        assert problems(text)[-1].startswith("job.yaml")
        assert len(problems(text)) == 1

    def test_a_missing_file(self, tmp_path: Path) -> None:
        missing = tmp_path / "job.yaml"
        with pytest.raises(JobError) as caught:
            load_job(missing)
        reason = f"cannot read {missing}: no such file or directory"
        assert str(caught.value) == f"{missing}: {reason}"

    def test_a_byte_order_mark_is_no_text(
        self, problems: Problems, with_keys: Job_
    ) -> None:
        job = with_keys("PatientID: x").encode()
        assert problems(b"\xef\xbb\xbf" + job) == []

    def test_another_encoding_names_its_first_byte(self, problems: Problems) -> None:
        assert problems("version: 1\nname: Mü".encode("latin-1")) == [
            "job.yaml:2:8: this byte is not UTF-8; save the file in UTF-8"
        ]

    def test_a_second_document_is_refused(
        self, problems: Problems, with_keys: Job_
    ) -> None:
        assert problems(with_keys("PatientID: x") + "---\nname: b\n") == [
            (
                "job.yaml:12:1: a second document begins here; a job file holds "
                "one, so remove this ---"
            )
        ]

    def test_a_list_is_no_job(self, problems: Problems) -> None:
        assert problems("- a\n") == [
            "job.yaml:1:1: must be a mapping of job fields, not a list"
        ]

    def test_depth_is_limited(self, problems: Problems) -> None:
        assert problems("[" * 5000) == ["job.yaml:1:33: nested deeper than 32 levels"]

    def test_the_deepest_file_allowed_is_read(
        self, problems: Problems, with_keys: Job_
    ) -> None:
        deep = "ReferencedStudySequence: {" * 27 + "PatientID: x" + "}" * 27
        (problem,) = problems(with_keys(deep))
        assert "nests deeper than 16 steps" in problem

    def test_size_is_limited(self, problems: Problems) -> None:
        (problem,) = problems(b"a: " + b"x" * (1 << 20))
        assert problem.endswith("larger than 1 MiB; move rows to a CSV file")

    def test_an_escape_beyond_unicode(self, problems: Problems) -> None:
        assert problems('a: "\\U00110000"') == [
            "job.yaml: this is not YAML: an escape or a number in it is out of range"
        ]

    def test_an_unsupported_directive(self, problems: Problems) -> None:
        (problem,) = problems("%YAML 2.0\n---\na: b\n")
        assert problem.startswith("job.yaml:1:1: this is not YAML: ")
