from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchfind.capture.documents import (
    read_ending,
    read_facts,
    read_object,
    read_verdict,
    to_document,
)
from batchfind.capture.records import (
    AttemptFacts,
    Cause,
    Ending,
    Outcome,
    RequestVerdict,
)
from batchfind.errors import StorageError
from tests.capture.material import FACTS, request

text = st.text(st.characters(), max_size=20)  # with NUL and lone surrogates
finite = st.floats(0, 1e9, allow_nan=False)


def of(kind: type[Ending | RequestVerdict]) -> st.SearchStrategy[object]:
    return st.builds(
        kind,
        cause=st.none() | st.builds(Cause, code=text, message=text),
        seconds=finite,
        warnings=st.lists(text).map(tuple),
    )


class TestRoundTrip:
    @settings(deadline=None)
    @given(of(Ending))
    def test_endings_with_whatever_a_peer_wrote(self, ending: object) -> None:
        assert read_ending(to_document(ending)) == ending

    @settings(deadline=None)
    @given(of(RequestVerdict))
    def test_verdicts(self, verdict: object) -> None:
        assert read_verdict(to_document(verdict)) == verdict

    @settings(deadline=None)
    @given(st.builds(AttemptFacts, peer_implementation=text))
    def test_facts(self, facts: AttemptFacts) -> None:
        assert read_facts(to_document(facts)) == facts

    def test_facts_of_what_was_negotiated(self) -> None:
        facts = replace(FACTS, tls="TLSv1.3 X", negotiated=("fuzzy",), operations=0)
        assert read_facts(to_document(facts)) == facts

    def test_a_document_is_ascii(self) -> None:
        assert to_document({"comment": "\udcff\0ä"}).isascii()


class TestSpec:
    def test_a_request_is_stored_whole(self) -> None:
        spec = read_object(to_document(request("3.0")))
        assert spec["id"] == "3.0"
        assert spec["priority"] == "medium"
        assert spec["identifier"] == [
            {"tag": 0x00100010, "vr": "PN", "value": "Muster^Ä*"}
        ]

    def test_bytes_are_hexadecimal(self) -> None:
        assert to_document({"value": b"\x00\xff"}) == '{"value":"00ff"}'


class TestErrors:
    @pytest.mark.parametrize(
        "damaged", ["", "{", "[]", "{}", '{"outcome":"odd"}', '{"verdict":1}']
    )
    def test_a_damaged_document_is_a_storage_error(self, damaged: str) -> None:
        for read in (read_ending, read_verdict, read_facts):
            with pytest.raises(StorageError):
                read(damaged)

    def test_facts_of_another_shape(self) -> None:
        with pytest.raises(StorageError):
            read_facts(to_document(FACTS)[:-1] + ',"more":1}')

    def test_values_without_json_form(self) -> None:
        with pytest.raises(TypeError):
            to_document({"value": object()})
        with pytest.raises(ValueError, match="JSON compliant"):
            to_document({"value": float("nan")})


class TestEarlierCaptures:
    """Fields that came later have their plain value."""

    def test_facts_without_tls_and_negotiation(self) -> None:
        members = read_object(to_document(FACTS))
        for name in ("tls", "negotiated", "operations"):
            del members[name]
        assert read_facts(to_document(members)) == FACTS

    def test_an_ending_without_pages(self) -> None:
        ending = Ending(outcome=Outcome.SUCCESS, responses=3)
        members = read_object(to_document(ending))
        del members["pages"]
        assert read_ending(to_document(members)) == ending
