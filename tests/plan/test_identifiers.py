"""Keys become Identifiers: precedence, levels, character sets, lint, AE titles."""

from __future__ import annotations

import pytest

from batchfind.dicom.identifier import Identifier
from batchfind.errors import Severity
from tests.plan.planning import Planner, element, value_of, values_of

STUDY = """
queries:
  q:
    model: study
    level: STUDY
    %s
    keys: {StudyInstanceUID: "", %s}
"""
FILES = """
queries:
  q:
    model: study
    files: [base.dcm]
    %s
"""


def study(keys: str, more: str = "peers: pacs") -> str:
    return STUDY % (more, keys)


def base(*elements: tuple[str, object]) -> Identifier:
    found = [element(keyword, value) for keyword, value in elements]
    return tuple(sorted(found, key=lambda one: one.tag))


class TestValues:
    @pytest.mark.parametrize(
        ("key", "path", "value"),
        [
            ("PatientID: 00123", "PatientID", "00123"),
            ("StudyTime: 12:30:15", "StudyTime", None),
            ("PatientID: NO", "PatientID", "NO"),
            ("StudyDate: 2026-01-31", "StudyDate", "20260131"),
            ("StudyDate: 2026-01-01-2026-01-31", "StudyDate", "20260101-20260131"),
            ('StudyDate: "{{ today }}"', "StudyDate", "20260331"),
            ("PatientID: ", "PatientID", ""),
            ("PatientID: {{}}", "PatientID", None),
        ],
    )
    def test_a_value_is_sent_as_written_or_refused(
        self, planner: Planner, key: str, path: str, value: str | None
    ) -> None:
        if value is None:
            assert planner.problems(study(key))
        else:
            assert value_of(planner.plan(study(key)).requests[0], path) == value

    def test_a_uid_list_is_one_value(self, planner: Planner) -> None:
        text = "queries:\n  q: {model: study, keys: {StudyInstanceUID: [1.2, 1.3]}}"
        request = planner.plan(text).requests[0]
        assert value_of(request, "StudyInstanceUID") == "1.2\\1.3"

    def test_elements_are_in_tag_order_at_every_depth(self, planner: Planner) -> None:
        plan = planner.plan("""
        queries:
          q:
            model: worklist
            keys:
              ScheduledProcedureStepSequence:
                ScheduledProcedureStepID: ""
                Modality: CT
              PatientName: ""
              AccessionNumber: ""
            return: ["0010,0020", StudyInstanceUID]
        """)
        identifier = plan.requests[0].identifier
        tags = [one.tag for one in identifier]
        assert tags == sorted(tags)
        items = identifier[-1].value
        assert isinstance(items, tuple)
        assert [one.value for one in items[0]] == ["CT", ""]

    def test_a_private_key_brings_its_creator(self, planner: Planner) -> None:
        plan = planner.plan(study('\'0019,"ACME 1.1",10\': ""'))
        assert value_of(plan.requests[0], "0019,0010") == "ACME 1.1"

    def test_a_private_key_needs_a_free_block(self, planner: Planner) -> None:
        taken = [
            (f"0019,{block:04x}", f"OWNER {block}") for block in range(0x10, 0x100)
        ]
        files = {
            "base.dcm": base(
                ("QueryRetrieveLevel", "STUDY"), ("StudyInstanceUID", ""), *taken
            )
        }
        text = FILES % 'keys: {\'0019,"ACME 1.1",10\': ""}'
        assert "no private block is free" in planner.problem(text, files=files).message

    def test_a_sequence_asked_for_whole_is_one_empty_item(
        self, planner: Planner
    ) -> None:
        plan = planner.plan(study('ProcedureCodeSequence: ""'))
        assert value_of(plan.requests[0], "ProcedureCodeSequence") == ((),)

    def test_what_cannot_be_encoded_is_named_where_it_stands(
        self, planner: Planner
    ) -> None:
        text = study('Rows: "{{ vars.n }}", NumberOfFrames: 1', "lint: lenient")
        (problem,) = planner.problems("vars: {n: many}\n" + text)
        assert problem.path == "queries.q.keys.Rows"
        assert "this cannot be sent" in problem.message
        assert problem.mark.line > 5


class TestPrecedence:
    """File, then keys and return, then window."""

    def test_keys_replace_and_add_to_the_file(self, planner: Planner) -> None:
        plan = planner.plan(
            """
            queries:
              q:
                model: worklist
                files: [base.dcm]
                keys:
                  PatientName: "DOE^*"
                  ScheduledProcedureStepSequence: {Modality: MR}
                return: [AccessionNumber]
            """,
            files={
                "base.dcm": base(
                    ("PatientName", "ROE^*"),
                    ("AccessionNumber", "77"),
                    ("PatientSex", "F"),
                    (
                        "ScheduledProcedureStepSequence",
                        (
                            base(
                                ("Modality", "CT"),
                                ("ScheduledStationAETitle", "SCAN"),
                            ),
                        ),
                    ),
                )
            },
        )
        (request,) = plan.requests
        step = "ScheduledProcedureStepSequence"
        assert value_of(request, "PatientName") == "DOE^*"
        assert value_of(request, "AccessionNumber") == ""
        assert value_of(request, "PatientSex") == "F"
        assert value_of(request, f"{step}.Modality") == "MR"
        assert value_of(request, f"{step}.ScheduledStationAETitle") == "SCAN"
        assert [str(path) for path in plan.queries["q"].columns] == [
            "PatientName",
            f"{step}.Modality",
            "AccessionNumber",
            "PatientSex",
            f"{step}.ScheduledStationAETitle",
        ]
        assert str(plan.queries["q"].explode) == step

    def test_the_window_replaces_the_file(self, planner: Planner) -> None:
        plan = planner.plan(
            FILES % "window: {key: StudyDate, from: 2026-01-01}",
            files={
                "base.dcm": base(
                    ("QueryRetrieveLevel", "STUDY"),
                    ("StudyDate", "20200101"),
                    ("StudyInstanceUID", ""),
                )
            },
        )
        assert value_of(plan.requests[0], "StudyDate") == "20260101-"
        assert plan.warnings == ()

    def test_a_private_element_of_a_file_is_a_column_by_its_creator(
        self, planner: Planner
    ) -> None:
        plan = planner.plan(
            FILES % "keys: {StudyInstanceUID: 1.2}",
            files={
                "base.dcm": base(
                    ("QueryRetrieveLevel", "STUDY"),
                    ("0019,0011", "ACME 1.1"),
                    ("0019,1110", b""),
                )
            },
        )
        assert [str(path) for path in plan.queries["q"].columns] == [
            "StudyInstanceUID",
            '0019,"ACME 1.1",10',
        ]


class TestLevel:
    def test_it_is_added_where_the_model_has_levels(self, planner: Planner) -> None:
        plan = planner.plan(study('PatientID: ""'))
        assert value_of(plan.requests[0], "QueryRetrieveLevel") == "STUDY"
        assert plan.requests[0].level == plan.queries["q"].level == "STUDY"
        text = 'queries:\n  q: {model: worklist, keys: {PatientID: ""}}'
        request = planner.plan(text).requests[0]
        assert value_of(request, "QueryRetrieveLevel") is None
        assert request.level is None

    def test_a_file_may_bring_it(self, planner: Planner) -> None:
        files = {
            "base.dcm": base(("QueryRetrieveLevel", "STUDY"), ("StudyInstanceUID", ""))
        }
        assert planner.plan(FILES % "", files=files).requests[0].level == "STUDY"

    @pytest.mark.parametrize(
        ("first", "second", "why"),
        [
            ("STUDY", "SERIES", "name several levels"),
            (None, None, "no file names a level"),
            ("VOLUME", "VOLUME", "no level 'VOLUME'"),
        ],
    )
    def test_files_must_agree(
        self, planner: Planner, first: str | None, second: str | None, why: str
    ) -> None:
        files = {
            name: base(
                ("StudyInstanceUID", ""),
                *([("QueryRetrieveLevel", level)] if level else []),
            )
            for name, level in (("base.dcm", first), ("more.dcm", second))
        }
        text = (FILES % "").replace("[base.dcm]", "[base.dcm, more.dcm]")
        assert why in planner.problem(text, files=files).message

    def test_the_job_replaces_the_level_of_a_file(self, planner: Planner) -> None:
        files = {
            "base.dcm": base(
                ("QueryRetrieveLevel", "SERIES"),
                ("StudyInstanceUID", "1.2"),
                ("SeriesInstanceUID", ""),
            )
        }
        request = planner.plan(FILES % "level: STUDY", files=files).requests[0]
        assert value_of(request, "QueryRetrieveLevel") == "STUDY"


class TestCharacterSet:
    """The least sufficient of none, ISO_IR 100 and ISO_IR 192."""

    @pytest.mark.parametrize(
        ("name", "charset"),
        [
            ("DOE^*", ()),
            ("Müller^*", ("ISO_IR 100",)),
            ("Ямада^*", ("ISO_IR 192",)),
            ("山田^*", ("ISO_IR 192",)),
        ],
    )
    def test_only_what_is_needed_is_declared(
        self, planner: Planner, name: str, charset: tuple[str, ...]
    ) -> None:
        plan = planner.plan(study(f'PatientName: "{name}"'))
        (request,) = plan.requests
        assert request.charset == charset
        declared = value_of(request, "SpecificCharacterSet")
        assert declared == (charset[0] if charset else None)
        assert ("SpecificCharacterSet" in plan.queries["q"].added) == bool(charset)

    def test_the_peer_may_name_sets_to_try_in_order(self, planner: Planner) -> None:
        head = """\
version: 1
name: test
timezone: UTC
peers:
  pacs:
    host: pacs.example.org
    port: 104
    charset: {request: [ISO_IR 100, ISO_IR 144]}
"""
        text = """
        queries:
          q:
            model: study
            level: STUDY
            matrix: {name: [Doe^*, Müller^*, Иванов^*]}
            keys: {StudyInstanceUID: "", PatientName: "{{ name }}"}
        """
        plan = planner.plan(text, head=head)
        assert [one.charset for one in plan.requests] == [
            (),
            ("ISO_IR 100",),
            ("ISO_IR 144",),
        ]
        problem = planner.problem(text.replace("Müller", "山田"), head=head)
        assert problem.path == "queries.q.keys.PatientName"
        assert "U+5C71" in problem.message
        assert "charset.request" in problem.message

    def test_text_at_any_depth_counts(self, planner: Planner) -> None:
        plan = planner.plan("""
        queries:
          q:
            model: worklist
            keys:
              ScheduledProcedureStepSequence: {ScheduledPerformingPhysicianName: "É^*"}
        """)
        assert plan.requests[0].charset == ("ISO_IR 100",)

    def test_a_set_a_file_declares_as_an_element_is_kept(
        self, planner: Planner
    ) -> None:
        files = {
            "base.dcm": base(
                ("QueryRetrieveLevel", "STUDY"),
                ("SpecificCharacterSet", "ISO_IR 192"),
                ("PatientName", "Müller^*"),
            )
        }
        text = FILES % 'keys: {StudyInstanceUID: ""}'
        assert planner.plan(text, files=files).requests[0].charset == ("ISO_IR 192",)
        files["base.dcm"] = base(
            ("QueryRetrieveLevel", "STUDY"),
            ("SpecificCharacterSet", "ISO_IR 144"),
            ("PatientName", "Müller^*"),
        )
        problem = planner.problem(text, files=files)
        assert problem.path == "queries.q"
        assert "is not in ISO_IR 144" in problem.message


class TestLint:
    def test_strict_refuses_what_the_standard_forbids(self, planner: Planner) -> None:
        text = study('StudyDate: "2026*"')
        problem = planner.problem(text)
        assert problem.path == "queries.q.keys.StudyDate"
        assert "PS3.4 C.2.2.2.4" in problem.message
        assert "lint: lenient" in problem.message

    def test_lenient_warns_and_sends_it(self, planner: Planner) -> None:
        plan = planner.plan(study('StudyDate: "2026*"', "lint: lenient"))
        assert value_of(plan.requests[0], "StudyDate") == "2026*"
        assert "PS3.4 C.2.2.2.4" in plan.warnings[0].message

    def test_what_peers_treat_differently_is_one_warning(
        self, planner: Planner
    ) -> None:
        text = study('PatientName: "{{ n }}"', "matrix: {n: [DOE, ROE, POE]}")
        plan = planner.plan(text)
        assert len(plan.requests) == 3
        (warning,) = plan.warnings
        assert warning.severity is Severity.WARNING
        assert "PatientName" in warning.message

    def test_every_problem_of_every_query_comes_at_once(self, planner: Planner) -> None:
        found = planner.problems("""
        queries:
          one:
            model: study
            level: STUDY
            keys: {StudyInstanceUID: "", StudyDate: "{{ typo }}", StudyTime: "-"}
          two:
            model: study
            level: STUDY
            called_ae: "{{ 'x' ~ today ~ today }}"
            keys: {StudyInstanceUID: "", PatientBirthDate: "{{ now }}"}
        """)
        assert [one.path for one in found] == [
            "queries.one.keys.StudyDate",
            "queries.one.keys.StudyTime",
            "queries.two.called_ae",
            "queries.two.keys.PatientBirthDate",
        ]

    def test_a_file_is_checked_too(self, planner: Planner) -> None:
        files = {
            "base.dcm": base(
                ("QueryRetrieveLevel", "STUDY"),
                ("StudyInstanceUID", ""),
                ("StudyDate", "2026?"),
                ("ProcedureCodeSequence", (base(("CodeValue", "x" * 17)),)),
            )
        }
        problem = planner.problem(FILES % "", files=files)
        assert problem.mark.file == str(planner.folder / "base.dcm")
        assert "StudyDate" in problem.message

    def test_a_hierarchical_query_needs_one_value_of_each_upper_level(
        self, planner: Planner
    ) -> None:
        """PS3.4 C.4.1.2.1."""
        text = """
        queries:
          q:
            model: study
            level: SERIES
            lint: %s
            keys: {StudyInstanceUID: "%s", SeriesInstanceUID: ""}
        """
        assert planner.plan(text % ("strict", "1.2")).warnings == ()
        for value in ("", "1.2\\\\1.3"):
            problem = planner.problem(text % ("strict", value))
            assert "needs one single StudyInstanceUID" in problem.message
            assert planner.plan(text % ("lenient", value)).warnings

    def test_the_unique_key_of_the_level_belongs_to_it(self, planner: Planner) -> None:
        text = "queries:\n  q: {model: study, level: STUDY, keys: {PatientID: '7'}}"
        (warning,) = planner.plan(text).warnings
        assert "asks for StudyInstanceUID" in warning.message

    def test_a_key_sequence_has_one_item(self, planner: Planner) -> None:
        items = (base(("CodeValue", "A")), base(("CodeValue", "B")))
        files = {
            "base.dcm": base(
                ("QueryRetrieveLevel", "STUDY"),
                ("StudyInstanceUID", ""),
                ("ProcedureCodeSequence", items),
            )
        }
        problem = planner.problem(FILES % "", files=files)
        assert "PS3.4 C.2.2.2.6" in problem.message

    def test_ups_answers_nothing_without_a_matching_key(self, planner: Planner) -> None:
        """PS3.4 CC.2.8.1.2."""
        text = "queries:\n  q: {model: ups-pull, keys: {PatientID: '{{ vars.id }}'}}\n"
        problem = planner.problem("vars: {id: '*'}\n" + text)
        assert "is answered by nothing" in problem.message
        assert planner.plan("vars: {id: '7'}\n" + text).requests


class TestAeTitles:
    def test_the_query_overrides_the_peer(self, planner: Planner) -> None:
        plan = planner.plan(
            study('PatientID: ""', 'calling_ae: "ME-{{ vars.n }}"').replace(
                "queries:", "vars: {n: 7}\nqueries:"
            )
        )
        assert plan.requests[0].calling_ae == "ME-7"
        assert plan.requests[0].called_ae == "ARCHIVE"

    @pytest.mark.parametrize("title", ["", "   ", "x" * 17, "A\\\\B", "Ä", "a\\tb"])
    def test_it_is_1_to_16_printable_ascii_characters(
        self, planner: Planner, title: str
    ) -> None:
        text = study('PatientID: ""', 'called_ae: "{{ vars.ae }}"')
        problem = planner.problem(f'vars: {{ae: "{title}"}}\n' + text)
        assert problem.path == "queries.q.called_ae"
        assert "is no AE title" in problem.message

    def test_spaces_around_it_mean_nothing(self, planner: Planner) -> None:
        text = study('PatientID: ""', 'called_ae: "{{ vars.ae }}"')
        plan = planner.plan('vars: {ae: " SCP "}\n' + text)
        assert plan.requests[0].called_ae == "SCP"

    def test_a_peer_may_have_a_template(self, planner: Planner) -> None:
        head = """\
version: 1
name: test
peers:
  pacs: {host: h, port: 104, calling_ae: "{{ query | upper }}", called_ae: "{{ x }}"}
"""
        problem = planner.problem(study('PatientID: ""'), head=head)
        assert problem.path == "peers.pacs.called_ae"
        text = study('PatientID: ""', "matrix: {x: [ONE, TWO]}")
        plan = planner.plan(text, head=head)
        assert [one.called_ae for one in plan.requests] == ["ONE", "TWO"]
        assert plan.requests[0].calling_ae == "Q"


class TestPeers:
    HEAD = """\
version: 1
name: test
peers:
  a: {host: h, port: 104, vars: {site: north}}
  b: {host: h, port: 104}
vars: {site: south, which: a}
"""

    def test_variables_of_a_peer_override_those_of_the_job(
        self, planner: Planner
    ) -> None:
        text = study('StudyID: "{{ vars.site }}"', "peers: [a, b]")
        plan = planner.plan(text, head=self.HEAD)
        assert values_of(plan.requests, "StudyID") == ["north", "south"]
        plan = planner.plan(text, head=self.HEAD, variables={"site": "{{ now }}"})
        assert values_of(plan.requests, "StudyID") == ["{{ now }}"] * 2

    def test_a_peer_may_be_named_by_a_template(self, planner: Planner) -> None:
        text = study('PatientID: ""', "peers: ['{{ vars.which }}']")
        plan = planner.plan(text, head=self.HEAD)
        assert list(plan.peers) == ["a"]
        problem = planner.problem(text, head=self.HEAD, variables={"which": "c"})
        assert "there is no peer 'c'" in problem.message
        problem = planner.problem(text.replace("which", "wich"), head=self.HEAD)
        assert "no variable wich" in problem.message

    def test_a_wrong_variable_is_one_problem(self, planner: Planner) -> None:
        head = self.HEAD.replace("which: a", "which: a, d: '{{ tomorow }}'")
        keys = 'PatientID: "{{ vars.d }}", PatientName: "{{ vars.d }}"'
        problem = planner.problem(study(keys, "peers: a"), head=head)
        assert problem.path == "vars.d"

    def test_a_variable_cannot_use_a_variable(self, planner: Planner) -> None:
        head = self.HEAD.replace("which: a", "which: '{{ vars.site }}'")
        problem = planner.problem(
            study('PatientID: "{{ vars.which }}"', "peers: a"), head=head
        )
        assert "cannot use variables" in problem.message
