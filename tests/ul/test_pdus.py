"""PS3.8 Section 9.3, encoded by pynetdicom and decoded by us, and the reverse."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pynetdicom.pdu import (
    A_ABORT_RQ,
    A_ASSOCIATE_AC,
    A_ASSOCIATE_RJ,
    A_ASSOCIATE_RQ,
    A_RELEASE_RP,
    A_RELEASE_RQ,
    P_DATA_TF,
)
from pynetdicom.pdu_primitives import A_ASSOCIATE
from pynetdicom.presentation import PresentationContext

from batchfind.errors import InputError
from batchfind.ul.association_request import associate_rq
from batchfind.ul.contexts import ProposedContext
from batchfind.ul.decode import decode_abort, decode_associate_ac, decode_associate_rj
from batchfind.ul.framing import encode_message, frame
from batchfind.ul.implementation import (
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
)
from batchfind.ul.pdu import (
    AbortPDU,
    AssociateAC,
    AssociateRJ,
    ContextResult,
    ReleaseRP,
    ReleaseRQ,
)
from batchfind.ul.proposal import Proposal
from tests.ul.acceptor import EXPLICIT, IMPLICIT, PROPOSED, STUDY_ROOT, VERIFICATION

OCTET = st.integers(0, 255)


def request(
    calling_ae: str = "SCU",
    called_ae: str = "SCP",
    contexts: tuple[ProposedContext, ...] = PROPOSED,
    max_pdu: int = 16_384,
) -> bytes:
    return associate_rq(
        calling_ae=calling_ae,
        called_ae=called_ae,
        proposal=Proposal(contexts=contexts, max_pdu=max_pdu),
    )


class TestAssociateRequest:
    """PS3.8 Section 9.3.2."""

    def test_says_what_was_asked(self) -> None:
        decoded = A_ASSOCIATE_RQ()
        decoded.decode(request(max_pdu=32_768))
        assert (decoded.calling_ae_title, decoded.called_ae_title) == ("SCU", "SCP")
        assert decoded.application_context_name == "1.2.840.10008.3.1.1.1"
        assert [
            (item.context_id, item.abstract_syntax, tuple(item.transfer_syntax))
            for item in decoded.presentation_context
        ] == [(one.id, one.abstract_syntax, one.transfer_syntaxes) for one in PROPOSED]
        information = decoded.user_information
        assert information is not None
        assert information.maximum_length == 32_768
        assert information.implementation_class_uid == IMPLEMENTATION_CLASS_UID
        assert information.implementation_version_name == IMPLEMENTATION_VERSION_NAME

    def test_names_fit_their_fields(self) -> None:
        assert len(IMPLEMENTATION_CLASS_UID) <= 64
        assert len(IMPLEMENTATION_VERSION_NAME) <= 16

    @pytest.mark.parametrize("title", ["A", "SIXTEEN_LETTERS_", "WITH SPACE"])
    def test_ae_titles(self, title: str) -> None:
        assert title.ljust(16).encode() in request(calling_ae=title)

    @pytest.mark.parametrize(
        ("title", "words"),
        [
            ("", "is empty"),
            ("   ", "is empty"),
            ("SEVENTEEN_LETTERS", "17 characters"),
            ("BACK\\SLASH", "cannot have"),
            ("TAB\t", "cannot have"),
            ("MÜNCHEN", "cannot have"),
        ],
    )
    @pytest.mark.parametrize("role", ["calling", "called"])
    def test_impossible_ae_titles(self, role: str, title: str, words: str) -> None:
        with pytest.raises(InputError, match=f"^{role} AE title .*{words}"):
            request(**{f"{role}_ae": title})  # type: ignore[arg-type]

    @pytest.mark.parametrize("ids", [(), (2,), (1, 1), (257,), range(1, 300, 2)])
    def test_impossible_context_ids(self, ids: tuple[int, ...]) -> None:
        contexts = tuple(ProposedContext(one, STUDY_ROOT, (IMPLICIT,)) for one in ids)
        with pytest.raises(InputError, match="presentation context"):
            request(contexts=contexts)

    def test_context_without_transfer_syntax(self) -> None:
        with pytest.raises(InputError, match="context 1 has no transfer syntax"):
            request(contexts=(ProposedContext(1, STUDY_ROOT, ()),))

    @pytest.mark.parametrize(
        "uid", ["", "abc", "1.2.", "1..2", "1.02", "1." + "2" * 63]
    )
    def test_impossible_uid(self, uid: str) -> None:
        for context in (
            ProposedContext(1, uid, (IMPLICIT,)),
            ProposedContext(1, STUDY_ROOT, (IMPLICIT, uid)),
        ):
            with pytest.raises(InputError, match="is not a UID"):
                request(contexts=(context,))

    @pytest.mark.parametrize("length", [0, 7, 4095, (16 << 20) + 1])
    def test_impossible_maximum_length(self, length: int) -> None:
        with pytest.raises(InputError, match=f"length {length} is not between"):
            request(max_pdu=length)

    def test_128_contexts_fit(self) -> None:
        contexts = tuple(
            ProposedContext(one, STUDY_ROOT, (IMPLICIT,)) for one in range(1, 256, 2)
        )
        assert request(contexts=contexts).count(STUDY_ROOT.encode()) == 128


class TestShortPdus:
    """PS3.8 Sections 9.3.4 and 9.3.6 to 9.3.8."""

    @given(OCTET, OCTET, OCTET)
    def test_rejection_comes_back(self, result: int, source: int, reason: int) -> None:
        rejection = AssociateRJ(result, source, reason)
        assert decode_associate_rj(rejection.encode()[6:]) == rejection

    @given(OCTET, OCTET)
    def test_abort_comes_back(self, source: int, reason: int) -> None:
        abort = AbortPDU(source, reason)
        assert decode_abort(abort.encode()[6:]) == abort

    def test_same_bytes_as_pynetdicom(self) -> None:
        rejection = A_ASSOCIATE_RJ()
        rejection.result, rejection.source, rejection.reason_diagnostic = 1, 1, 7
        abort = A_ABORT_RQ()
        abort.source, abort.reason_diagnostic = 2, 6
        assert AssociateRJ(1, 1, 7).encode() == rejection.encode()
        assert AbortPDU(2, 6).encode() == abort.encode()
        assert ReleaseRQ().encode() == A_RELEASE_RQ().encode()
        assert ReleaseRP().encode() == A_RELEASE_RP().encode()


class TestAssociateAccept:
    """PS3.8 Section 9.3.3, as pynetdicom writes it."""

    def test_from_pynetdicom(self) -> None:
        primitive = A_ASSOCIATE()
        primitive.application_context_name = "1.2.840.10008.3.1.1.1"
        primitive.calling_ae_title, primitive.called_ae_title = "SCU", "SCP"
        primitive.result, primitive.result_source = 0, 1
        primitive.maximum_length_received = 31_682
        primitive.implementation_class_uid = "1.2.3.4"
        primitive.presentation_context_definition_results_list = [
            _result(1, STUDY_ROOT, EXPLICIT, 0),
            _result(3, VERIFICATION, IMPLICIT, 4),
        ]
        body = A_ASSOCIATE_AC(primitive).encode()[6:]
        assert decode_associate_ac(body) == AssociateAC(
            contexts=(ContextResult(1, 0, (EXPLICIT,)), ContextResult(3, 4)),
            max_length=31_682,
            implementation_uid="1.2.3.4",
        )


def _result(
    context_id: int, abstract: str, syntax: str, result: int
) -> PresentationContext:
    item = PresentationContext()
    item.context_id, item.abstract_syntax = context_id, abstract
    item.transfer_syntax = [syntax]
    item.result = result
    return item


class TestDataTf:
    """PS3.8 Section 9.3.5 and Annex E."""

    @settings(deadline=None)
    @given(
        st.binary(min_size=1, max_size=200),
        st.none() | st.binary(max_size=200),
        st.sampled_from([0, 7, 8, 9, 64, 131_072, 0xFFFFFFFF]),
        st.integers(0, 127).map(lambda half: 2 * half + 1),
    )
    def test_message_comes_back(
        self, command: bytes, data_set: bytes | None, longest: int, context_id: int
    ) -> None:
        sent = encode_message(context_id, command, data_set, longest)
        burst = frame(bytearray(sent), 1 << 24)
        assert burst is not None
        assert burst.data == sent
        assert set(burst.contexts) == {context_id}
        pieces = [
            sent[begin:end] for begin, end in zip(burst.begin, burst.end, strict=True)
        ]
        commands = [p for p, c in zip(pieces, burst.controls, strict=True) if c & 1]
        data = [p for p, c in zip(pieces, burst.controls, strict=True) if not c & 1]
        assert b"".join(commands) == command
        assert b"".join(data) == (data_set or b"")
        expected = bytes([1] * (len(commands) - 1) + [3])
        if data_set is not None:
            expected += bytes([0] * (len(data) - 1) + [2])
        assert burst.controls == expected

    @given(st.integers(8, 300), st.integers(0, 150).map(lambda half: 2 * half))
    def test_fragments_are_even_and_short_enough(self, longest: int, size: int) -> None:
        burst = frame(bytearray(encode_message(1, b"CC", bytes(size), longest)), 400)
        assert burst is not None
        lengths = [e - b for b, e in zip(burst.begin, burst.end, strict=True)]
        assert all(length % 2 == 0 for length in lengths)
        assert max(lengths) + 6 <= longest

    def test_seven_bytes_leave_room_for_one(self) -> None:
        sent = encode_message(1, b"CC", None, 7)
        assert sent == bytes.fromhex(
            "04 00 00000007 00000003 01 01 43  04 00 00000007 00000003 01 03 43"
        )

    def test_unlimited_still_has_a_limit_of_ours(self) -> None:
        sent = encode_message(1, b"CC", bytes(200_000), 0)
        burst = frame(bytearray(sent), 1 << 24)
        assert burst is not None
        assert len(burst) == 3

    def test_pynetdicom_reads_it(self) -> None:
        decoded = P_DATA_TF()
        decoded.decode(encode_message(1, b"CCCC", None, 16_384))
        (item,) = decoded.presentation_data_value_items
        assert item.presentation_context_id == 1
        assert item.presentation_data_value == b"\x03CCCC"
