"""SOP Class Extended Negotiation of queries, PS3.4 Sections C.5.1.1 and K.5.1."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchfind.dicom.extended import (
    OPTIONS,
    decode_options,
    encode_options,
    offered_by,
)
from batchfind.dicom.models import MODELS

STUDY = MODELS["study"].uid
WORKLIST = MODELS["worklist"].uid
PRIVATE = "1.2.826.0.1.3680043.10.1505.77"


class TestQueryRetrieve:
    """Table C.5-1: seven bytes, of which the last ones may be left out."""

    @pytest.mark.parametrize(
        ("asked", "data"),
        [
            (["relational"], "01"),
            (["date_time"], "00 01"),
            (["fuzzy"], "00 00 01"),
            (["relational", "timezone"], "01 00 00 01"),
            (["enhanced_multi_frame"], "00 00 00 00 01"),
            (["empty_value"], "00 00 00 00 00 01"),
            (["multiple_value"], "00 00 00 00 00 00 01"),
            (OPTIONS, "01 01 01 01 01 01 01"),
        ],
    )
    def test_one_byte_an_option(self, asked: list[str], data: str) -> None:
        assert encode_options(STUDY, asked) == bytes.fromhex(data)

    @pytest.mark.parametrize("model", ["patient", "patient-study", "repository"])
    def test_models_of_the_service_class_have_all_seven(self, model: str) -> None:
        assert offered_by(MODELS[model].uid) == OPTIONS

    def test_so_has_a_class_outside_the_table(self) -> None:
        assert offered_by(PRIVATE) == OPTIONS
        assert encode_options(PRIVATE, ["date_time"]) == b"\0\1"

    @given(st.sets(st.sampled_from(OPTIONS)))
    def test_a_peer_that_returns_the_offer_accepts_it(self, asked: set[str]) -> None:
        assert decode_options(STUDY, encode_options(STUDY, asked)) == asked


class TestWorklist:
    """Table K.5-1: two reserved bytes of 1, fuzzy matching, timezone adjustment."""

    @pytest.mark.parametrize(
        ("asked", "data"),
        [
            (["fuzzy"], "01 01 01"),
            (["timezone"], "01 01 00 01"),
            (["fuzzy", "timezone"], "01 01 01 01"),
        ],
    )
    def test_reserved_bytes_are_1(self, asked: list[str], data: str) -> None:
        assert encode_options(WORKLIST, asked) == bytes.fromhex(data)

    @pytest.mark.parametrize(
        "model", ["ups-pull", "hanging-protocol", "color-palette", "implant-generic"]
    )
    def test_models_defined_after_it_share_the_layout(self, model: str) -> None:
        assert offered_by(MODELS[model].uid) == ("fuzzy", "timezone")

    def test_reserved_bytes_accept_nothing(self) -> None:
        assert decode_options(WORKLIST, b"\1\1\0\0") == frozenset()

    def test_other_options_do_not_exist(self) -> None:
        with pytest.raises(ValueError, match="has no option date_time, relational"):
            encode_options(WORKLIST, ["relational", "fuzzy", "date_time"])


class TestAnswers:
    def test_nothing_asked_is_nothing_sent(self) -> None:
        assert encode_options(STUDY, ()) == b""
        assert encode_options(WORKLIST, ()) == b""

    def test_bytes_that_are_missing_are_not_supported(self) -> None:
        assert decode_options(STUDY, b"") == frozenset()
        assert decode_options(STUDY, b"\1") == {"relational"}

    def test_only_1_means_supported(self) -> None:
        assert decode_options(STUDY, b"\2\1\xff") == {"date_time"}

    @given(st.sampled_from([STUDY, WORKLIST, PRIVATE]), st.binary(max_size=300))
    def test_any_bytes_give_options_of_the_class(
        self, sop_class: str, data: bytes
    ) -> None:
        assert decode_options(sop_class, data) <= set(offered_by(sop_class))

    def test_an_unknown_option_is_refused(self) -> None:
        with pytest.raises(ValueError, match="no option fuzy"):
            encode_options(STUDY, ["fuzy"])
