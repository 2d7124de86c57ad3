"""What requests of a query share changes nothing about any of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from batchfind.plan.digests import KeyFrame, KeyFrames, request_key
from batchfind.plan.model import Plan, Request
from tests.plan.planning import Planner, element, value_of, values_of

TWO_PEERS: Final = """\
version: 1
name: test
timezone: Europe/Berlin
vars: {site: north}
peers:
  one: {host: one.example.org, port: 104, called_ae: ONE}
  two:
    host: two.example.org
    port: 104
    called_ae: "{{ vars.site | upper }}"
    vars: {site: south}
"""
STUDIES: Final = """
  studies:
    model: study
    level: STUDY
    peers: [one, two]
    matrix: {modality: [CT, MR], patient: ["1", "2", "3"]}
    keys:
      PatientID: "{{ patient }}"
      InstitutionName: "{{ vars.site }}"
      ModalitiesInStudy: "{{ modality }}"
      StudyDescription: ""
      StudyInstanceUID: ""
"""
WORKLIST: Final = """
  worklist:
    model: worklist
    peers: [one, two]
    files: [base.dcm]
    matrix: {modality: [CT, MR], doctor: ["Doe^*", "Müller^*"]}
    keys:
      PatientName: "{{ vars.site }}^*"
      '0019,"ACME 1.1",10': ""
      ScheduledProcedureStepSequence:
        Modality: "{{ modality }}"
        ScheduledPerformingPhysicianName: "{{ doctor }}"
    window:
      key: ScheduledProcedureStepSequence.ScheduledProcedureStepStartDate
      from: 2026-01-01
      to: 2026-01-02
      step: 12h
"""
PRIVATE: Final = """
  private:
    model: study
    level: STUDY
    peers: [one]
    matrix: {creator: [ACME, SIEMENS CM VA0  ACQU]}
    keys:
      StudyInstanceUID: ""
      '0019,0010': "{{ creator }}"
      '0019,1010': ""
"""


def planned(planner: Planner, text: str) -> Plan:
    base = (element("PatientSex", "F"), element("EncapsulatedDocument", b"\x00\x01"))
    return planner.plan(f"queries:{text}", head=TWO_PEERS, files={"base.dcm": base})


def facts(plan: Plan) -> list[tuple[str, str, object]]:
    return [(one.id, one.key, one.identifier) for one in plan.requests]


class TestRequests:
    @pytest.mark.parametrize("text", [STUDIES, WORKLIST, PRIVATE])
    def test_are_those_that_are_put_together_one_by_one(
        self, text: str, planner: Planner, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shared = facts(planned(planner, text))
        never = "batchfind.plan.identifiers.can_be_open"
        monkeypatch.setattr(never, lambda _path: False)
        assert facts(planned(planner, text)) == shared

    @pytest.mark.parametrize("text", [STUDIES, WORKLIST, PRIVATE])
    def test_have_the_keys_they_have_alone(self, text: str, planner: Planner) -> None:
        plan = planned(planner, text)
        frames = KeyFrames()
        for request in plan.requests:
            peer = plan.peers[request.peer]
            assert request.key == request_key(request, peer)
            assert frames.of(request, peer) is frames.of(request, peer)

    def test_differ_where_their_peers_do(self, planner: Planner) -> None:
        plan = planned(planner, STUDIES)
        assert values_of(plan.requests, "InstitutionName") == [
            *["north"] * 6,
            *["south"] * 6,
        ]
        assert [one.called_ae for one in plan.requests] == [
            *["ONE"] * 6,
            *["SOUTH"] * 6,
        ]

    def test_hold_the_equal_keys_in_the_same_objects(self, planner: Planner) -> None:
        one, *others = planned(planner, STUDIES).requests[:6]
        equal = value_index(one, "InstitutionName")
        for other in others:
            assert other.identifier[equal] is one.identifier[equal]
            assert value_of(other, "PatientID") in {"1", "2", "3"}


class TestAKeyFrame:
    def test_is_not_misled_by_texts(self, planner: Planner) -> None:
        plan = planned(planner, STUDIES)
        request = plan.requests[0]
        odd = replace(request, query='"identifier":""')
        peer = plan.peers[request.peer]
        assert KeyFrame(odd, peer).key(b"\x01") != KeyFrame(odd, peer).key(b"\x02")
        assert KeyFrame(odd, peer).key(b"\x01") != KeyFrame(request, peer).key(b"\x01")


def value_index(request: Request, keyword: str) -> int:
    wanted = value_of(request, keyword)
    return next(
        number for number, one in enumerate(request.identifier) if one.value == wanted
    )
