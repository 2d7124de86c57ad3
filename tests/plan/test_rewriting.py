"""Requests with other values in some keys."""

from __future__ import annotations

from dataclasses import replace

import pytest

from batchfind.dicom.encode import canonical_bytes
from batchfind.dicom.paths import parse_path
from batchfind.job.model import CharsetPolicy
from batchfind.plan.digests import request_key
from batchfind.plan.rewriting import rewrite, text_at
from tests.plan.capped_scp import (
    DATE,
)
from tests.plan.planning import value_of
from tests.plan.splits import PEER, request_of, studies

STEP = "ScheduledProcedureStepSequence."


class TestCharacterSets:
    def test_a_character_set_of_the_plan_is_chosen_anew(self) -> None:
        request = rewrite(
            studies("20260101", "20260101"),
            [(parse_path("PatientName"), "Müller*")],
            PEER,
        )
        assert request.charset == ("ISO_IR 100",)
        assert value_of(request, "SpecificCharacterSet") == "ISO_IR 100"
        greek = [(parse_path("PatientName"), "Δημ*")]
        assert rewrite(request, greek, PEER).charset == ("ISO_IR 192",)
        plain = rewrite(request, [(parse_path("PatientName"), "Doe*")], PEER)
        assert plain.charset == ()
        assert value_of(plain, "SpecificCharacterSet") is None

    def test_elements_stay_in_the_order_of_their_tags(self) -> None:
        name = [(parse_path("PatientName"), "Müller*")]
        request = rewrite(studies("20260101", "20260101"), name, PEER)
        tags = [element.tag for element in request.identifier]
        assert tags == sorted(tags)

    def test_one_that_the_job_wrote_stays(self) -> None:
        keys = {"SpecificCharacterSet": "ISO_IR 192", "StudyDate": "20260101"}
        request = request_of(keys, charset=("ISO_IR 192",))
        changed = rewrite(request, [(parse_path("PatientName"), "Müller")], PEER)
        assert changed.charset == ("ISO_IR 192",)
        assert value_of(changed, "SpecificCharacterSet") == "ISO_IR 192"

    def test_one_that_the_policy_does_not_give_stays(self) -> None:
        keys = {"SpecificCharacterSet": "ISO_IR 100", "PatientName": "Müller"}
        peer = replace(PEER, charset=CharsetPolicy(request=("ISO_IR 126",)))
        request = request_of(keys, charset=("ISO_IR 100",))
        changed = rewrite(request, [(parse_path("PatientName"), "Möller")], peer)
        assert changed.charset == ("ISO_IR 100",)

    def test_one_that_is_not_said_stays_unsaid(self) -> None:
        request = request_of({"PatientName": "Müller"}, charset=("ISO_IR 100",))
        changed = rewrite(request, [(parse_path("StudyID"), "7")], PEER)
        assert changed.charset == ("ISO_IR 100",)
        assert value_of(changed, "SpecificCharacterSet") is None

    def test_a_text_that_no_set_allowed_holds_is_refused(self) -> None:
        peer = replace(PEER, charset=CharsetPolicy(request=("ISO_IR 100",)))
        with pytest.raises(ValueError, match="ISO_IR 100"):
            rewrite(
                studies("20260101", "20260101"),
                [(parse_path("PatientName"), "Δημ*")],
                peer,
            )

    def test_private_keys_keep_their_creator(self) -> None:
        path = parse_path('0019,"SIEMENS CT VA0 COAD",10')
        request = request_of({'0019,"SIEMENS CT VA0 COAD",10': "1"})
        changed = rewrite(request, [(path, "2")], PEER)
        assert [one.value for one in changed.identifier] == ["SIEMENS CT VA0 COAD", "2"]

    def test_the_request_key_is_that_of_the_new_values(self) -> None:
        request = studies("20260101", "20260102")
        changed = rewrite(request, [(DATE, "20260105")], PEER)
        canonical = canonical_bytes(changed.identifier, changed.charset)
        assert changed.key == request_key(changed, PEER, canonical) != request.key
        assert rewrite(changed, [(DATE, "20260101-20260102")], PEER) == request


class TestTextAt:
    def test_what_is_absent_or_no_text_is_empty(self) -> None:
        path = STEP + "Modality"
        request = request_of({path: "CT"})
        assert text_at(request.identifier, parse_path(path)) == "CT"
        second = parse_path("ScheduledProcedureStepSequence[1].Modality")
        assert text_at(request.identifier, second) == ""
        assert text_at(request.identifier, parse_path(STEP[:-1])) == ""
        assert text_at((), parse_path(path)) == ""
