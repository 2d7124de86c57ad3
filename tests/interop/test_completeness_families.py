"""Requests that together answer one question, at Orthanc and at dcmqrscp."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.association import Association

import batchfind
from batchfind import ExitCode, RunResult, Verdict
from tests.interop import one_day
from tests.interop.one_day import DAY, TIMED, uids
from tests.peers import real
from tests.peers.plugin import StartPeer
from tests.peers.processes import LOOPBACK
from tests.peers.real import RealPeer
from tests.peers.relay import CappingRelay

pytestmark = pytest.mark.interop

STUDY_ROOT = "1.2.840.10008.5.1.4.1.2.2.1"
STUDY, SERIES, IMAGE = "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"
LEVELS: dict[str, dict[str, Any]] = {
    "studies": {"model": "study", "level": "STUDY", "return": [STUDY, "PatientID"]},
    "series": {
        "model": "study",
        "level": "SERIES",
        "for_each": {"query": "studies", "keys": [STUDY]},
        "return": [SERIES, "Modality"],
    },
    "images": {
        "model": "study",
        "level": "IMAGE",
        "for_each": {"query": "series", "keys": [STUDY, SERIES]},
        "return": [IMAGE, "InstanceNumber"],
    },
}
OUTPUTS = [{"format": "csv", "path": "{{ query }}.csv"}]
MODALITIES = ["CT", "MR"]
QUERY = {"model": "study", "level": "STUDY", "return": ["PatientID"]}

Row: TypeAlias = "tuple[str, ...]"


def run(
    folder: Path, port: int, called_ae: str, queries: Mapping[str, Any], **limits: Any
) -> RunResult:
    job = {
        "version": 1,
        "name": "families",
        "timezone": "Europe/Berlin",
        "peers": {
            "peer": {
                "host": LOOPBACK,
                "port": port,
                "called_ae": called_ae,
                "limits": limits,
            }
        },
        "queries": queries,
        "outputs": OUTPUTS,
    }
    path = folder / "job.yaml"
    path.write_text(json.dumps(job), "utf-8")
    return batchfind.run(path)


def rows_of(result: RunResult, query: str, *columns: str) -> list[Row]:
    (output,) = (one for one in result.outputs if one.query == query)
    with Path(output.written).open(encoding="utf-8") as file:
        return sorted(
            tuple(row[name] for name in columns) for row in csv.DictReader(file)
        )


@contextmanager
def by_hand(peer: RealPeer) -> Iterator[Association]:
    ae = AE("BYHAND")
    ae.add_requested_context(STUDY_ROOT)
    association = ae.associate(LOOPBACK, peer.port, ae_title=peer.called_ae)
    assert association.is_established
    yield association
    association.release()
    association.join()


def ask(association: Association, level: str, unique: str, **keys: str) -> list[str]:
    """Values of the unique key of a level."""
    query = Dataset()
    query.QueryRetrieveLevel = level
    for name, value in {**keys, unique: ""}.items():
        setattr(query, name, value)
    return [
        str(identifier[unique].value)
        for _, identifier in association.send_c_find(query, STUDY_ROOT)
        if identifier is not None
    ]


class TestStudySeriesAndImage:
    def test_are_what_asking_by_hand_finds(
        self, orthanc: RealPeer, tmp_path: Path
    ) -> None:
        result = run(tmp_path, orthanc.port, orthanc.called_ae, LEVELS)
        assert result.exit_code is ExitCode.OK, result.error
        with by_hand(orthanc) as association:
            studies = ask(association, "STUDY", STUDY)
            series = [
                (study, one)
                for study in studies
                for one in ask(association, "SERIES", SERIES, StudyInstanceUID=study)
            ]
            images = [
                (study, one, image)
                for study, one in series
                for image in ask(
                    association,
                    "IMAGE",
                    IMAGE,
                    StudyInstanceUID=study,
                    SeriesInstanceUID=one,
                )
            ]
        assert len(studies) > 20
        assert rows_of(result, "studies", STUDY) == sorted((one,) for one in studies)
        assert rows_of(result, "series", STUDY, SERIES) == sorted(series)
        assert rows_of(result, "images", STUDY, SERIES, IMAGE) == sorted(images)
        assert len(result.requests) == 1 + len(studies) + len(series)

    def test_are_withheld_below_a_study_list_that_is_a_part(
        self, tmp_path: Path
    ) -> None:
        files = one_day.studies(tmp_path / "files")
        with real.orthanc(tmp_path, {"LimitFindResults": 5}, files) as peer:
            result = run(tmp_path, peer.port, peer.called_ae, LEVELS)
        verdicts = {
            name: {one.verdict for one in result.requests if one.query == name}
            for name in LEVELS
        }
        assert verdicts == {
            "studies": {Verdict.PARTIAL},
            "series": {Verdict.COMPLETE},
            "images": {Verdict.COMPLETE},
        }
        assert result.exit_code is ExitCode.INCOMPLETE
        for output in result.outputs:
            assert output.rows == 5
            assert not output.published
            assert "studies" in output.reason or output.query == "studies"


class TestAPeerThatIgnoresModalitiesInStudy:
    """As dcmqrscp does: it neither matches nor returns it."""

    def test_cannot_answer_any_of_completely(
        self, dcmqrscp: RealPeer, tmp_path: Path
    ) -> None:
        query = {**QUERY, "any_of": {"ModalitiesInStudy": MODALITIES}}
        result = run(tmp_path, dcmqrscp.port, dcmqrscp.called_ae, {"q": query})
        assert [one.verdict for one in result.roots] == [Verdict.SUSPECT] * 2
        assert {one.cause and one.cause.code for one in result.roots} == {"key-ignored"}
        assert result.exit_code is ExitCode.SUSPECT
        assert not result.outputs[0].published
        with by_hand(dcmqrscp) as association:
            held = sorted((one,) for one in ask(association, "STUDY", STUDY))
        assert rows_of(result, "q", STUDY) == held

    @pytest.mark.parametrize("exhaustive", [True, False])
    @pytest.mark.parametrize("status", [0, 0xA700])
    def test_cannot_be_cut_by_it(
        self, status: int, exhaustive: bool, scripted_peer: StartPeer, tmp_path: Path
    ) -> None:
        listed = {"values": MODALITIES, "exhaustive": exhaustive}
        window = {
            "key": "StudyDate",
            "from": DAY,
            "to": DAY,
            "split": "adaptive",
            "floor": "1d",
            "then": [{"key": "ModalitiesInStudy", **listed}],
        }
        files = one_day.studies(tmp_path / "files", TIMED)
        with real.dcmqrscp(tmp_path, files) as peer:
            relay = scripted_peer(script=CappingRelay(peer, 5, status).answer)
            result = run(
                tmp_path,
                relay.port,
                peer.called_ae,
                {"q": {**QUERY, "window": window}},
                **({} if status else {"response_cap": 5}),
            )
        (root,) = result.roots
        assert root.verdict is (Verdict.PARTIAL if status else Verdict.SUSPECT)
        assert not root.assumptions
        assert not result.outputs[0].published
        found = {uid for (uid,) in rows_of(result, "q", STUDY)}
        assert found < uids(TIMED)
