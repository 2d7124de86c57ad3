"""A worklist query has its keys where peers look for them: PS3.4 K.6.1.2."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from batchfind.dicom.dictionary import tag_of
from batchfind.dicom.models import MODELS
from batchfind.job.model import Job

Problems = Callable[[str], list[str]]
Job_ = Callable[[str], str]
Load = Callable[[str], Job]

STEP = "ScheduledProcedureStepSequence"


@pytest.mark.parametrize("keyword", sorted(MODELS["worklist"].row_keys))
def test_a_key_of_the_step_beside_it_is_an_error(
    keyword: str, problems: Problems, with_query: Job_
) -> None:
    (problem,) = problems(with_query(f'model: worklist\nkeys: {{{keyword}: ""}}'))
    assert problem.startswith(f"job.yaml:9:12: queries.q.keys.{keyword}: ")
    assert f"(did you mean '{STEP}.{keyword}'?)" in problem
    assert problem.endswith("(PS3.4 K.6.1.2), or write 'lint: lenient'")


@pytest.mark.parametrize("keyword", sorted(MODELS["worklist"].root_keys))
def test_a_key_of_the_request_in_the_step_is_an_error(
    keyword: str, problems: Problems, with_query: Job_
) -> None:
    text = f'model: worklist\nkeys: {{{STEP}: {{{keyword}: ""}}}}'
    (problem,) = problems(with_query(text))
    assert f"(did you mean '{keyword}'?)" in problem


@pytest.mark.parametrize(
    ("lines", "right"),
    [
        ("return: [Modality]", f"{STEP}.Modality"),
        ("keys: {'0008,0060': CT}", f"{STEP}.Modality"),
        (
            "keys: {ScheduledProtocolCodeSequence: {CodeValue: A}}",
            f"{STEP}.ScheduledProtocolCodeSequence.CodeValue",
        ),
        (
            (
                "return: [PatientID]\n"
                "window: {key: ScheduledProcedureStepStartDate, from: 2026-01-01}"
            ),
            f"{STEP}.ScheduledProcedureStepStartDate",
        ),
    ],
)
def test_wherever_it_is_written(
    lines: str, right: str, problems: Problems, with_query: Job_
) -> None:
    (problem,) = problems(with_query(f"model: worklist\n{lines}"))
    assert f"did you mean '{right}'?" in problem


def test_the_model_may_be_written_as_its_uid(
    problems: Problems, with_query: Job_
) -> None:
    assert problems(with_query("model: 1.2.840.10008.5.1.4.31\nreturn: [Modality]"))


def test_it_is_a_warning_when_asked_to_be(load: Load, with_query: Job_) -> None:
    job = load(with_query("model: worklist\nlint: lenient\nkeys: {Modality: CT}"))
    (warning,) = job.warnings
    assert f"did you mean '{STEP}.Modality'?" in warning.message
    assert "lenient" not in warning.message


@pytest.mark.parametrize(
    "lines",
    [
        f'keys: {{{STEP}: {{Modality: CT}}, PatientName: ""}}',
        f'keys: {{{STEP}: "", AnatomicalOrientationType: ""}}',
        f'keys: {{{STEP}: {{ScheduledProtocolCodeSequence: {{CodeValue: ""}}}}}}',
    ],
)
def test_keys_in_their_places_are_fine(
    lines: str, load: Load, with_query: Job_
) -> None:
    assert load(with_query(f"model: worklist\n{lines}")).warnings == ()


def test_other_models_have_no_such_sequence(load: Load, with_query: Job_) -> None:
    text = 'model: study\nlevel: SERIES\nkeys: {StudyInstanceUID: "1.2", Modality: CT}'
    assert load(with_query(text)).warnings == ()


def test_every_listed_keyword_is_in_the_dictionary() -> None:
    for model in MODELS.values():
        for keyword in (*model.row_keys, *model.root_keys):
            assert tag_of(keyword) is not None, keyword
        assert not model.row_keys & model.root_keys
