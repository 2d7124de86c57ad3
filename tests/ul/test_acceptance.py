"""PS3.8 Section 9.3.3: what an A-ASSOCIATE-AC may do wrong, and what comes of it."""

from __future__ import annotations

import pytest

from batchfind.errors import BadAccept
from batchfind.ul.acceptance import DEFAULT_MAX_LENGTH
from batchfind.ul.events import Accepted, Data
from tests.ul.acceptor import (
    APPLICATION,
    BIG_ENDIAN,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    after,
    associate_ac,
    context,
    item,
    pdu,
    requested,
    user,
)

INVALID_PARAMETER = bytes.fromhex("07 00 00000004 0000 02 06")
OK = context(1, 0, EXPLICIT)


def accepted(*items: bytes, version: int = 1) -> Accepted:
    (event,) = after(requested(), associate_ac(*items, version=version))
    assert isinstance(event, Accepted)
    return event


def refused(*items: bytes) -> str:
    return refused_pdu(associate_ac(*items))


def refused_pdu(stream: bytes) -> str:
    association = requested()
    with pytest.raises(BadAccept) as caught:
        after(association, stream)
    assert association.ended
    assert association.pending_output() == INVALID_PARAMETER
    return str(caught.value)


class TestContexts:
    """PS3.8 Section 9.3.3.2, hostile peers 11 to 15."""

    def test_accept_zero_contexts(self) -> None:
        event = accepted(APPLICATION, user())
        assert event.contexts == ()
        assert [one.result for one in event.refused] == [None, None]

    @pytest.mark.parametrize("result", [1, 2, 3, 4, 77])
    def test_accept_all_rejected(self, result: int) -> None:
        """accept_all_rejected, _ts_rejected, _user_rejected, _bad_result_code."""
        event = accepted(APPLICATION, context(1, result), context(3, result), user())
        assert event.contexts == ()
        assert [(one.id, one.result) for one in event.refused] == [
            (1, result),
            (3, result),
        ]

    @pytest.mark.parametrize("context_id", [0xFB, 0x02, 0x00])
    def test_accept_unrequested_id(self, context_id: int) -> None:
        """accept_unrequested_id, accept_even_id: ignored, and nothing is left."""
        event = accepted(APPLICATION, context(context_id, 0, EXPLICIT), user())
        assert event.contexts == ()
        assert event.warnings == (
            f"A-ASSOCIATE-AC answers context {context_id}, not proposed",
        )

    def test_accept_extra_id(self) -> None:
        event = accepted(APPLICATION, OK, context(5, 0, EXPLICIT), user())
        assert [one.id for one in event.contexts] == [1]

    def test_unrequested_id_may_be_as_wrong_as_it_likes(self) -> None:
        event = accepted(
            APPLICATION, OK, context(5, 0), context(5, 3), context(5, 0, JPEG), user()
        )
        assert [one.id for one in event.contexts] == [1]

    def test_accept_duplicate_id(self) -> None:
        text = refused(APPLICATION, OK, context(1, 3), user())
        assert text == "A-ASSOCIATE-AC contradicts itself on context 1"

    def test_two_transfer_syntaxes_in_two_items_contradict(self) -> None:
        assert "contradicts" in refused(APPLICATION, OK, context(1, 0, IMPLICIT))

    def test_same_answer_twice_is_tolerated(self) -> None:
        event = accepted(APPLICATION, OK, OK, OK, user())
        assert [one.id for one in event.contexts] == [1]
        assert event.warnings == ("A-ASSOCIATE-AC answers context 1 twice",)

    @pytest.mark.parametrize("syntax", [JPEG, BIG_ENDIAN, "", "1.2.840.10008.1.2.1.9"])
    def test_accept_wrong_ts(self, syntax: str) -> None:
        """accept_wrong_ts, accept_bigendian_ts: not proposed, so not usable."""
        event = accepted(APPLICATION, context(1, 0, syntax), user())
        assert event.contexts == ()
        assert event.refused[0].transfer_syntax == syntax
        assert "not proposed" in event.refused[0].reason

    @pytest.mark.parametrize("syntaxes", [(), (EXPLICIT, IMPLICIT)])
    def test_accept_no_ts_or_two(self, syntaxes: tuple[str, ...]) -> None:
        text = refused(APPLICATION, context(1, 0, *syntaxes), user())
        assert f"with {len(syntaxes)} transfer syntaxes instead of one" in text

    def test_transfer_syntax_of_a_refused_context_is_not_tested(self) -> None:
        broken = item(0x21, b"\x03\0\x03\0\x40\0\xff\xff")
        event = accepted(APPLICATION, OK, broken, user())
        assert event.refused[0].result == 3

    def test_accept_ts_nul_padded(self) -> None:
        padded = EXPLICIT.encode() + b"\0", IMPLICIT.encode() + b"\0"
        contexts = context(1, 0, padded[0]), context(3, 0, padded[1])
        event = accepted(APPLICATION, *contexts, user())
        assert event.contexts[0].transfer_syntax == EXPLICIT
        assert event.warnings == ("A-ASSOCIATE-AC pads its UIDs or names with NUL",)

    def test_uid_of_strange_bytes_was_not_proposed(self) -> None:
        event = accepted(APPLICATION, context(1, 0, b"1.2\xff\x1b"), user())
        assert event.contexts == ()
        assert event.refused[0].transfer_syntax == "1.2\\xff\x1b"


class TestUserInformation:
    """PS3.8 Section 9.3.3.3 and D.1, hostile peers 17 to 19."""

    @pytest.mark.parametrize("length", [0, 7, 16_384, 0xFFFFFFFF])
    def test_accept_maxpdu(self, length: int) -> None:
        """accept_maxpdu_zero, accept_maxpdu_tiny, accept_maxpdu_huge."""
        association = requested()
        ac = associate_ac(APPLICATION, OK, user(length))
        (event,) = after(association, ac)
        assert isinstance(event, Accepted)
        assert event.max_pdu == length
        sent = association.send(Data(1, bytes(14), bytes(10)))
        assert sent.count(b"\x04") >= 2

    @pytest.mark.parametrize("length", [1, 6])
    def test_accept_maxpdu_one(self, length: int) -> None:
        assert "no PDV fits" in refused(APPLICATION, OK, user(length))

    def test_maximum_length_has_four_bytes(self) -> None:
        broken = item(0x50, item(0x51, b"\0\0\x40"))
        assert "maximum length of 3 bytes" in refused(APPLICATION, OK, broken)

    def test_accept_no_user_info(self) -> None:
        event = accepted(APPLICATION, OK)
        assert event.max_pdu == DEFAULT_MAX_LENGTH
        assert "A-ASSOCIATE-AC has no user information" in event.warnings

    def test_user_information_without_maximum_length(self) -> None:
        event = accepted(APPLICATION, OK, user(None))
        assert event.max_pdu == DEFAULT_MAX_LENGTH
        assert event.warnings == (
            "A-ASSOCIATE-AC gives no maximum length; 16384 is taken",
        )

    def test_accept_unknown_items(self) -> None:
        event = accepted(
            item(0x77, b"xyzzy"), APPLICATION, OK, user(8192, item(0x99, b"plugh"))
        )
        assert (len(event.contexts), event.max_pdu) == (1, 8192)
        assert event.warnings == ()

    def test_unknown_subitem_of_a_context(self) -> None:
        value = b"\x01\0\0\0" + item(0x99, b"x") + item(0x40, EXPLICIT.encode())
        event = accepted(APPLICATION, item(0x21, value), user())
        assert [one.id for one in event.contexts] == [1]

    def test_first_of_two_user_informations_counts(self) -> None:
        assert accepted(APPLICATION, OK, user(8192), user(4096)).max_pdu == 8192


class TestFixedFields:
    @pytest.mark.parametrize("items", [(OK, user()), (item(0x10, b"1.2"), OK, user())])
    def test_application_context_is_tolerated(self, items: tuple[bytes, ...]) -> None:
        (warning,) = accepted(*items).warnings
        assert warning == "A-ASSOCIATE-AC does not name the DICOM application context"

    def test_protocol_version_is_tolerated(self) -> None:
        (warning,) = accepted(APPLICATION, OK, user(), version=2).warnings
        assert warning == "A-ASSOCIATE-AC does not claim protocol version 1"


class TestBrokenAccept:
    """Hostile peers 20: every error names the byte."""

    @pytest.mark.parametrize("junk", [b"\x07", b"abc"])
    def test_accept_trailing_junk(self, junk: bytes) -> None:
        text = refused(APPLICATION, OK, user(), junk)
        assert f"{len(junk)} stray bytes" in text
        assert "at byte " in text

    def test_trailing_junk_that_looks_like_an_item(self) -> None:
        assert "cut off" in refused(APPLICATION, OK, user(), b"\xde\xad\xbe\xef\x00")

    @pytest.mark.parametrize(
        "broken",
        [
            b"\x21\0\xff\xff\x01\0\0\0",
            item(0x21, b"\x01\0\0\0\x40\0\xff\xff1.2"),
            item(0x21, b"\x01\0\0\0\x40\0"),
            item(0x21, b"\x01\0\0"),
            item(0x50, b"\x51\0\xff\xff"),
        ],
        ids=["item", "sub-item", "sub-item header", "context", "user sub-item"],
    )
    def test_accept_truncated_item(self, broken: bytes) -> None:
        assert "is broken at byte" in refused(APPLICATION, broken)

    @pytest.mark.parametrize("length", [0, 4, 67])
    def test_accept_short_pdu(self, length: int) -> None:
        text = refused_pdu(pdu(2, bytes(length)))
        assert f"its {length} bytes do not hold the fixed fields" in text

    def test_accept_many_contexts(self) -> None:
        many = (context(1 + 2 * (n % 128), 3) for n in range(1500))
        assert "more than 128" in refused(APPLICATION, *many, user())

    def test_many_empty_sub_items_take_no_more_than_their_bytes(self) -> None:
        ac = associate_ac(APPLICATION, OK, item(0x50, item(0x99, b"") * 16_000))
        (event,) = after(requested(), ac)
        assert isinstance(event, Accepted)

    def test_longer_than_64_kib_is_refused_on_the_header(self) -> None:
        header = bytes.fromhex("02 00 00010001")
        assert "65537 bytes where 65536" in refused_pdu(header)
