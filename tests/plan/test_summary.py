"""A plan in brief, for people."""

from __future__ import annotations

from batchfind.plan.summary import summarise, summary_of
from tests.plan.planning import Planner, element

JOB = """
queries:
  worklist:
    model: worklist
    matrix: {modality: [CT, MR]}
    keys:
      PatientName: "Müller*"
      PatientID: ""
      ProcedureCodeSequence: ""
      ScheduledProcedureStepSequence:
        Modality: "{{ modality }}"
        ScheduledProcedureStepStartDate: "{{ today }}-{{ tomorrow }}"
        ScheduledProcedureStepStartTime: "0800-1200"
  studies:
    model: study
    level: STUDY
    keys: {StudyInstanceUID: "", StudyTime: "0800-1200"}
    window: {key: StudyDate, from: 2026-01-01, to: 2026-01-20, step: 2d}
outputs:
  - {format: csv, path: "{{ window.start }}.csv", queries: studies}
  - {format: parquet, path: w.parquet, queries: worklist}
"""


def test_each_query_in_brief(planner: Planner) -> None:
    summary = summary_of(planner.plan(JOB))
    worklist, studies = summary.queries
    step = "ScheduledProcedureStepSequence"
    assert worklist.matching == {
        "PatientName": ("Müller*",),
        f"{step}.Modality": ("CT", "MR"),
        f"{step}.ScheduledProcedureStepStartDate": ("20260331-20260401",),
        f"{step}.ScheduledProcedureStepStartTime": ("0800-1200",),
    }
    assert worklist.returned == ("PatientID", "ProcedureCodeSequence")
    assert worklist.charsets == ("ISO_IR 100",)
    assert worklist.added == ("SpecificCharacterSet",)
    assert "one continuous period (PS3.4 K.6)" in worklist.notes[1]
    assert studies.level == "STUDY"
    assert studies.requests == 10
    assert studies.windows[0] == "20260101-20260102"
    assert studies.added == ("QueryRetrieveLevel", "StudyDate")
    assert studies.notes[0] == "an entry without StudyDate is never returned"
    assert "the times of each day" in studies.notes[1]


def test_the_text_fits_80_columns(planner: Planner) -> None:
    lines = summarise(planner.plan(JOB)).splitlines()
    assert lines[0].startswith("test: 12 requests at 2026-03-31T12:00:00+02:00, plan ")
    assert "worklist: Modality Worklist at pacs, 2 requests" in lines
    assert "studies: Study Root Query/Retrieve STUDY at pacs, 10 requests" in lines
    assert "  window    10 pieces, 20260101-20260102 to 20260119-20260120" in lines
    assert any(line.endswith("… and 4 more") for line in lines)
    assert all(len(line) <= 80 for line in lines if " writes " not in line[:12])
    assert sum(".csv" in line for line in lines) == 10


def test_many_files_are_counted(planner: Planner) -> None:
    text = JOB.replace("to: 2026-01-20", "to: 2026-01-30")
    assert "and 5 more outputs" in summarise(planner.plan(text))


def test_a_plan_of_one_request(planner: Planner) -> None:
    plan = planner.plan(
        """
    queries:
      q:
        model: 1.2.3
        files: [base.dcm]
        keys: {PatientID: "*"}
        window: {key: StudyDate, from: 2026-01-01}
    """,
        files={"base.dcm": ()},
    )
    assert summarise(plan).splitlines()[2:] == [
        "q: SOP Class 1.2.3 at pacs, 1 request",
        "  matching  StudyDate = 20260101-",
        "  return    PatientID",
        "  added     StudyDate",
        "  window    20260101-",
    ]


def test_a_date_without_its_time_needs_no_note_about_both(planner: Planner) -> None:
    plan = planner.plan("""
        queries:
          q:
            model: study
            level: STUDY
            keys: {StudyInstanceUID: "1.2", StudyDate: 20260101-}
    """)
    (query,) = summary_of(plan).queries
    assert "  return " not in summarise(plan)
    assert query.notes == ("an entry without StudyDate is never returned",)
    assert query.returned == ()


def test_keys_that_only_some_requests_have(planner: Planner) -> None:
    codes = ((element("CodeValue", "A"),),)
    plan = planner.plan(
        """
        queries:
          q:
            model: 1.2.3
            files: [one.dcm, two.dcm, three.dcm]
            keys: {PatientID: "7"}
        """,
        files={
            "one.dcm": (element("ProcedureCodeSequence", codes),),
            "two.dcm": (),
            "three.dcm": (element("EncapsulatedDocument", b"\x01"),),
        },
    )
    (query,) = summary_of(plan).queries
    assert query.matching == {
        "PatientID": ("7",),
        "ProcedureCodeSequence.CodeValue": ("A", ""),
        "EncapsulatedDocument": ("", "01"),
    }
    plan = planner.plan(
        "queries:\n  q: {model: worklist, matrix: {x: [a]},"
        " exclude: [{x: a}], keys: {PatientID: '{{ x }}'}}\n"
    )
    assert summarise(plan).splitlines()[2:] == [
        "q: Modality Worklist, 0 requests",
        "  return    PatientID",
    ]


def test_what_stands_at_each_path(planner: Planner) -> None:
    plan = planner.plan(
        """
        queries:
          q: {model: patient, level: PATIENT, keys: {PatientID: "7"}}
        outputs:
          - {format: jsonl, path: a.jsonl}
          - {format: csv, path: r.csv, table: requests}
          - {format: csv, path: f.csv, table: requests, where: failed}
          - {format: csv, path: n.csv, table: requests, where: not-found}
          - {format: parquet, path: lake, partition_by: [bf_peer, PatientID]}
          - {format: xml, path: x.xml}
          - {format: xml, path: xs, layout: files, dialect: native}
          - {format: dicom, path: d/}
          - {format: dicom, path: d.zip, layout: zip}
        """
    )
    lines = [line for line in summarise(plan).splitlines() if " writes " in line]
    folder = f"{planner.folder}/"
    assert [line.split(folder)[1] for line in lines] == [
        "a.jsonl (jsonl, 1 request)",
        "r.csv (csv of all requests, 1 request)",
        "f.csv (csv of failed requests, 1 request)",
        "n.csv (csv of unfound requests, 1 request)",
        "lake/ (parquet by bf_peer, PatientID, 1 request)",
        "x.xml (dcmtk xml, 1 request)",
        "xs/ (native xml files, 1 request)",
        "d/ (dicom files, 1 request)",
        "d.zip (dicom in a zip, 1 request)",
    ]


def test_a_request_for_everything_is_shown_before_the_values(planner: Planner) -> None:
    plan = planner.plan("""
        queries:
          q:
            model: study
            level: STUDY
            matrix: {id: ["1", "2", "3", "4", "5", "6", "7", "*"]}
            keys: {StudyInstanceUID: "", PatientID: "{{ id }}"}
        """)
    assert "PatientID = (everything), 1, 2, 3, 4, 5 … and 2 more" in summarise(plan)


def test_a_date_that_some_request_leaves_open_hides_no_entry(planner: Planner) -> None:
    plan = planner.plan("""
        queries:
          q:
            model: study
            level: STUDY
            lint: lenient
            matrix: {day: ["20260101", ""]}
            keys: {StudyInstanceUID: "1.2", StudyDate: "{{ day }}"}
    """)
    (query,) = summary_of(plan).queries
    assert query.notes == ()
