"""Whatever archive and job: a whole run is never complete with a row missing."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import batchfind
from batchfind import ExitCode, RunResult, Verdict
from tests.execution.two_months import FORMS, MIDNIGHT, MODALITIES, UID_ROOT, write_job
from tests.peers.capped import CappedArchive, Empty, Order, Study, Style
from tests.peers.scripted import ScriptedPeer

DAYS = ("20260130", "20260131", "20260201")
BOUNDS = {"from": "2026-01-30", "to": "2026-02-01"}
SECONDS = st.sampled_from((1, 43199, 43200)) | st.integers(0, 86399)


@st.composite
def times(draw: st.DrawFn) -> str:
    second, form = draw(SECONDS), draw(st.sampled_from(FORMS))
    hour, minute = second // 3600, second // 60 % 60
    return form.format(h=hour, m=minute, s=second % 60, f=draw(st.integers(0, 999)))


@st.composite
def archives(draw: st.DrawFn) -> CappedArchive:
    """Any studies, with a cap that is told, or of 50 and more, or declared."""
    cap = draw(st.sampled_from((3, 7, 20, 50, 53)))
    stored = st.tuples(
        st.sampled_from(DAYS),
        st.just("") | st.sampled_from(MIDNIGHT) | times(),
        st.sampled_from(MODALITIES),
    )
    most = min(3 * cap + 2, 120)
    studies = draw(st.lists(stored, min_size=draw(st.integers(0, most)), max_size=most))
    return CappedArchive(
        studies=[
            Study(f"{UID_ROOT}.{number}", day, time, modality)
            for number, (day, time, modality) in enumerate(studies)
        ],
        cap=cap,
        style=draw(st.sampled_from(Style)),
        empty=draw(st.sampled_from(Empty)),
        order=draw(st.sampled_from(Order)),
    )


@st.composite
def fields(draw: st.DrawFn) -> dict[str, Any]:
    """What a query may say about windows and families."""
    further = {"key": "ModalitiesInStudy", "values": [*MODALITIES]}
    then = [{**further, "exhaustive": draw(st.booleans())}]
    window = {
        **BOUNDS,
        "floor": draw(st.sampled_from(("1s", "90s", "15m", "1d"))),
        "then": draw(st.sampled_from(([], then))),
        **draw(st.sampled_from(({}, {"step": "1d"}, {"step": "2d"}))),
    }
    alternatives = {"any_of": {"ModalitiesInStudy": ["CT", "MR"]}}
    return {
        "window": window,
        "dedupe": draw(st.sampled_from(("family", "query", "off"))),
        **(draw(st.sampled_from(({}, alternatives))) if not window["then"] else {}),
    }


class TestARun:
    @settings(max_examples=12, deadline=None, derandomize=True)
    @given(archives(), fields(), st.booleans(), st.sampled_from((1, 3)))
    def test_is_not_complete_with_a_row_missing(
        self,
        archive: CappedArchive,
        fields: Mapping[str, Any],
        declared: bool,
        associations: int,
    ) -> None:
        cap = archive.cap or 0
        told = archive.style is not Style.SILENT
        limits: dict[str, Any] = {"associations": associations}
        if declared or not (told or cap >= 50):
            limits["response_cap"] = cap
        with tempfile.TemporaryDirectory() as folder:
            with ScriptedPeer(script=archive.answer) as peer:
                path = write_job(Path(folder), peer.port, limits=limits, **fields)
                result = batchfind.run(path)
            found = uids_of(result)
        asked = {"CT", "MR"} if "any_of" in fields else set(MODALITIES)
        truth = {one.uid for one in archive.studies if one.modality in asked}
        assert set(found) <= truth
        if result.exit_code is ExitCode.OK:
            assert set(found) == truth
            assert all(one.verdict is Verdict.COMPLETE for one in result.roots)
            assert result.outputs[0].published
        else:
            assert any(one.cause for one in result.roots)
            assert result.exit_code in (ExitCode.SUSPECT, ExitCode.INCOMPLETE)
            assert not result.outputs[0].published
        if fields["dedupe"] != "off":
            assert len(found) == len(set(found))


def uids_of(result: RunResult) -> list[str]:
    assert not result.error
    with Path(result.outputs[0].written).open(encoding="utf-8") as file:
        return [row["StudyInstanceUID"] for row in csv.DictReader(file)]
