"""PS3.7 Annex D.3.3: what is negotiated beyond presentation contexts."""

from __future__ import annotations

from dataclasses import replace
from struct import pack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pynetdicom.pdu import A_ASSOCIATE_RQ

from batchfind.errors import BadAccept, InputError
from batchfind.ul.association import Association
from batchfind.ul.association_request import associate_rq
from batchfind.ul.events import Accepted, Associate
from batchfind.ul.proposal import Proposal, UserIdentity
from tests.ul.acceptor import (
    APPLICATION,
    EXPLICIT,
    PROPOSED,
    STUDY_ROOT,
    VERIFICATION,
    after,
    associate_ac,
    context,
    item,
    user,
)

SECRET = b"open sesame"
WINDOW_OF_8 = bytes.fromhex("53 00 0004 0008 0001")
RELATIONAL_AND_FUZZY = bytes.fromhex(
    "56 00 0020"  # extended negotiation                                       32
    "001B 312E322E3834302E31303030382E352E312E342E312E322E322E31"  # UID       27
    "01 00 01"  # relational, not date_time, fuzzy                              3
)
NAME_AND_PASSCODE = bytes.fromhex(
    "58 00 0016"  # user identity                                              22
    "02 01"  # user name and passcode, positive response requested
    "0005 616C696365"  # primary field 'alice'                                  5
    "000B 6F70656E20736573616D65"  # secondary field 'open sesame'             11
)
EVERYTHING = Proposal(
    contexts=PROPOSED,
    extended=((STUDY_ROOT, b"\1\0\1"),),
    operations=8,
    identity=UserIdentity(2, b"alice", SECRET, response=True),
)
PLAIN = Proposal(contexts=PROPOSED)


def request(proposal: Proposal) -> bytes:
    return associate_rq(calling_ae="SCU", called_ae="SCP", proposal=proposal)


def accepted(proposal: Proposal, *items: bytes) -> Accepted:
    """What comes of an acceptance with these user information sub-items."""
    association = Association(calling_ae="SCU", called_ae="SCP", proposal=proposal)
    association.send(Associate())
    answer = associate_ac(APPLICATION, context(1, 0, EXPLICIT), user(16_384, *items))
    (event,) = after(association, answer)
    assert isinstance(event, Accepted)
    return event


def extended(sop_class: str, data: bytes) -> bytes:
    uid = sop_class.encode()
    return item(0x56, pack(">H", len(uid)) + uid + data)


def confirmed(response: bytes = b"") -> bytes:
    return item(0x59, pack(">H", len(response)) + response)


class TestRequest:
    def test_plain_proposal_has_none_of_it(self) -> None:
        information = A_ASSOCIATE_RQ()
        information.decode(request(PLAIN))
        assert information.user_information is not None
        kinds = [one.item_type for one in information.user_information.user_data]
        assert kinds == [0x51, 0x52, 0x55]

    def test_user_information_ends_with_what_was_asked(self) -> None:
        sent = request(EVERYTHING)
        assert WINDOW_OF_8 in sent
        assert sent.endswith(RELATIONAL_AND_FUZZY + NAME_AND_PASSCODE)
        length = int.from_bytes(sent[2:6], "big")
        assert len(sent) == 6 + length

    @pytest.mark.parametrize("kind", range(1, 6))
    @pytest.mark.parametrize("response", [True, False])
    def test_five_types_of_identity(self, kind: int, response: bool) -> None:
        secondary = SECRET if kind == 2 else b""
        identity = UserIdentity(kind, b"TOKEN", secondary, response)
        expected = pack(">BBH5sH", kind, response, 5, b"TOKEN", len(secondary))
        sent = request(replace(PLAIN, identity=identity))
        assert sent.endswith(item(0x58, expected + secondary))

    def test_empty_passcode_can_be_sent(self) -> None:
        sent = request(replace(PLAIN, identity=UserIdentity(2, b"alice")))
        assert sent.endswith(bytes.fromhex("02 00 0005 616C696365 0000"))

    def test_one_operation_proposes_no_window(self) -> None:
        assert b"\x53\x00\x00\x04" not in request(replace(PLAIN, operations=1))

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"operations": 0}, "0 operations in flight"),
            ({"operations": 65_536}, "65536 operations"),
            ({"extended": (("1.2.3", b"\1"),)}, "which no presentation context"),
            ({"extended": ((STUDY_ROOT, b"\1"),) * 2}, "names a SOP Class twice"),
            ({"extended": ((STUDY_ROOT, b""),)}, "has 0 bytes"),
            ({"extended": ((STUDY_ROOT, bytes(256)),)}, "has 256 bytes"),
            ({"identity": UserIdentity(0, SECRET)}, "type 0"),
            ({"identity": UserIdentity(6, SECRET)}, "type 6"),
            ({"identity": UserIdentity(3, b"")}, "is empty"),
            ({"identity": UserIdentity(1, b"bob", SECRET)}, "only type 2"),
            ({"identity": UserIdentity(4, SECRET * 2000)}, "22000 bytes; 20000 fit"),
        ],
    )
    def test_impossible_proposals(self, change: dict[str, object], words: str) -> None:
        with pytest.raises(InputError, match=words) as caught:
            request(replace(PLAIN, **change))  # type: ignore[arg-type]
        assert SECRET.decode() not in str(caught.value)

    def test_the_most_of_everything_fits(self) -> None:
        uids = [f"1.2.{10**59 + n}" for n in range(128)]
        contexts = [
            replace(PROPOSED[0], id=2 * n + 1, abstract_syntax=uid)
            for n, uid in enumerate(uids)
        ]
        full = Proposal(
            contexts=contexts,
            extended=[(uid, bytes(255)) for uid in uids],
            operations=65_535,
            identity=UserIdentity(4, bytes(20_000)),
        )
        decoded = A_ASSOCIATE_RQ()
        decoded.decode(request(full))
        assert decoded.user_information is not None
        assert len(decoded.user_information.user_data) == 4 + 128 + 1

    def test_secrets_are_in_no_repr(self) -> None:
        assert SECRET.decode() not in repr(EVERYTHING)
        assert "alice" not in repr(EVERYTHING.identity)


class TestWindow:
    """Section D.3.3.3: the acceptor can only lower what was offered."""

    @pytest.mark.parametrize(
        ("granted", "operations"), [(8, 8), (3, 3), (1, 1), (0, 8), (65_535, 8)]
    )
    def test_the_lesser_counts(self, granted: int, operations: int) -> None:
        event = accepted(EVERYTHING, item(0x53, pack(">HH", granted, 1)))
        assert event.operations == operations
        assert event.warnings == ()

    def test_without_an_answer_it_is_one(self) -> None:
        assert accepted(EVERYTHING).operations == 1

    def test_not_asked_is_one_whatever_is_granted(self) -> None:
        event = accepted(PLAIN, item(0x53, pack(">HH", 8, 8)))
        assert event.operations == 1
        (warning,) = event.warnings
        assert warning.endswith("operations window, which was not asked")

    @pytest.mark.parametrize("size", [0, 2, 5])
    def test_a_wrong_length_counts_as_no_answer(self, size: int) -> None:
        event = accepted(EVERYTHING, item(0x53, bytes(size)))
        assert event.operations == 1
        assert f"in {size} bytes, not 4" in event.warnings[0]

    def test_the_first_of_several_counts(self) -> None:
        event = accepted(
            EVERYTHING, item(0x53, pack(">HH", 2, 1)), item(0x53, pack(">HH", 8, 1))
        )
        assert event.operations == 2
        assert "more than once" in event.warnings[0]


class TestExtended:
    """Section D.3.3.5."""

    def test_answer_of_any_length_is_kept(self) -> None:
        for data in (b"", b"\1", b"\1\0\1\1\1\1\1\1\1"):
            event = accepted(EVERYTHING, extended(STUDY_ROOT, data))
            assert event.extended == {STUDY_ROOT: data}
            assert event.warnings == ()

    def test_without_an_answer_there_is_none(self) -> None:
        assert accepted(EVERYTHING).extended == {}

    def test_uid_may_be_padded(self) -> None:
        event = accepted(EVERYTHING, extended(STUDY_ROOT + "\0", b"\1"))
        assert event.extended == {STUDY_ROOT: b"\1"}

    def test_another_sop_class_is_ignored(self) -> None:
        event = accepted(EVERYTHING, extended(VERIFICATION, b"\1"))
        assert event.extended == {}
        assert event.warnings == (
            "A-ASSOCIATE-AC gives an extended negotiation, which was not asked",
        )

    def test_the_first_of_several_counts(self) -> None:
        event = accepted(
            EVERYTHING, extended(STUDY_ROOT, b"\0"), extended(STUDY_ROOT, b"\1")
        )
        assert event.extended == {STUDY_ROOT: b"\0"}
        assert "more than once" in event.warnings[0]

    @pytest.mark.parametrize(
        "value", [b"", b"\0", b"\0\0\1", b"\xff\xff1.2", b"\0\x081.2"]
    )
    def test_what_cannot_be_read_is_no_answer(self, value: bytes) -> None:
        event = accepted(EVERYTHING, item(0x56, value))
        assert event.extended == {}
        assert "cannot be read" in event.warnings[0]

    def test_many_of_them_take_no_more_than_their_bytes(self) -> None:
        event = accepted(EVERYTHING, *[extended("1", b"")] * 8_000)
        assert len(event.warnings) == 2


class TestIdentityResponse:
    """Section D.3.3.7."""

    @pytest.mark.parametrize("response", [b"", b"ticket"])
    def test_says_yes(self, response: bytes) -> None:
        event = accepted(EVERYTHING, confirmed(response))
        assert event.identity_response == response
        assert event.warnings == ()

    def test_none_is_not_a_yes(self) -> None:
        assert accepted(EVERYTHING).identity_response is None

    @pytest.mark.parametrize("value", [b"", b"\0", b"\0\2x", b"\0\1xy"])
    def test_what_cannot_be_read_is_not_a_yes(self, value: bytes) -> None:
        event = accepted(EVERYTHING, item(0x59, value))
        assert event.identity_response is None
        assert "cannot be read" in event.warnings[0]

    def test_twice_is_tolerated(self) -> None:
        event = accepted(EVERYTHING, confirmed(b"a"), confirmed(b"b"))
        assert event.identity_response == b"a"
        assert "more than once" in event.warnings[0]

    @pytest.mark.parametrize(
        "identity", [None, UserIdentity(1, b"alice", response=False)]
    )
    def test_not_asked_is_ignored(self, identity: UserIdentity | None) -> None:
        event = accepted(replace(PLAIN, identity=identity), confirmed())
        assert event.identity_response is None
        assert "user identity response, which was not asked" in event.warnings[0]


class TestAnyBytes:
    @settings(deadline=None)
    @given(
        st.lists(
            st.tuples(st.sampled_from([0x53, 0x56, 0x59]), st.binary(max_size=12)),
            max_size=6,
        )
    )
    def test_never_break_the_association(self, items: list[tuple[int, bytes]]) -> None:
        event = accepted(EVERYTHING, *(item(kind, value) for kind, value in items))
        assert 1 <= event.operations <= 8

    def test_but_an_item_that_is_cut_off_does(self) -> None:
        with pytest.raises(BadAccept, match="item 56H of 65535 bytes is cut off"):
            accepted(EVERYTHING, b"\x56\0\xff\xff\0\1")
