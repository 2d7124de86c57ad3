"""PS3.8 Section 9.3.2: the A-ASSOCIATE-RQ, byte by byte."""

from __future__ import annotations

import string
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from batchfind.ul.association_request import associate_rq
from batchfind.ul.contexts import ProposedContext
from batchfind.ul.proposal import Proposal, UserIdentity
from tests.ul.acceptor import EXPLICIT, IMPLICIT, PROPOSED, STUDY_ROOT
from tests.ul.primitives import by_primitives

EVERYTHING = Proposal(
    contexts=PROPOSED,
    max_pdu=32_768,
    extended=((STUDY_ROOT, b"\1\0\1"),),
    operations=8,
    identity=UserIdentity(2, b"alice", b"open sesame", response=True),
)
#: `EVERYTHING`, spelled out once. Lengths in decimal at the right.
GOLDEN_RQ = bytes.fromhex(
    "01 00 00000174"  # PDU type, reserved, PDU length                       372
    "0001 0000"  # protocol version bit 0, reserved
    "53435020202020202020202020202020"  # called AE title  'SCP'              16
    "53435520202020202020202020202020"  # calling AE title 'SCU'              16
    "0000000000000000000000000000000000000000000000000000000000000000"  # res. 32
    "10 00 0015 312E322E3834302E31303030382E332E312E312E31"  # application     21
    "20 00 004F 01 00 00 00"  # presentation context 1                         79
    "30 00 001B 312E322E3834302E31303030382E352E312E342E312E322E322E31"  # SOP 27
    "40 00 0013 312E322E3834302E31303030382E312E322E31"  # Explicit LE         19
    "40 00 0011 312E322E3834302E31303030382E312E32"  # Implicit LE             17
    "20 00 002E 03 00 00 00"  # presentation context 3                         46
    "30 00 0011 312E322E3834302E31303030382E312E31"  # Verification            17
    "40 00 0011 312E322E3834302E31303030382E312E32"  # Implicit LE             17
    "50 00 008E"  # user information                                          142
    "51 00 0004 00008000"  # maximum length                                32 768
    "52 00 002B"  # implementation class UID                                   43
    "322E32352E37303632383034393535393135323339313131343839333638313538373338"
    "32373538313734"
    "53 00 0004 0008 0001"  # window: 8 invoked, 1 performed
    "55 00 000D 424154434846494E445F303130"  # 'BATCHFIND_010'                 13
    "56 00 0020"  # extended negotiation                                       32
    "001B 312E322E3834302E31303030382E352E312E342E312E322E322E31"  # SOP Class 27
    "01 00 01"  # relational, not date_time, fuzzy                              3
    "58 00 0016 02 01"  # user name and passcode, response requested           22
    "0005 616C696365"  # primary field 'alice'                                  5
    "000B 6F70656E20736573616D65"  # secondary field 'open sesame'             11
)

AE_TITLES = st.text(
    sorted({*string.printable[:95]} - {"\\"}), min_size=1, max_size=16
).filter(lambda title: title.strip(" "))
UIDS = st.builds(
    lambda first, rest: ".".join(map(str, (first, *rest))),
    st.integers(0, 2),
    st.lists(st.integers(0, 10**19), min_size=1, max_size=3),
)
CONTEXTS = st.lists(
    st.builds(
        ProposedContext,
        st.integers(0, 127).map(lambda half: 2 * half + 1),
        UIDS,
        st.lists(UIDS, min_size=1, max_size=3).map(tuple),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda context: context.id,
)
IDENTITIES = st.builds(
    lambda kind, primary, secondary, response: UserIdentity(
        kind, primary, secondary if kind == 2 else b"", response
    ),
    st.integers(1, 5),
    st.binary(min_size=1, max_size=300),
    st.binary(max_size=20),
    st.booleans(),
)


@st.composite
def proposals(draw: st.DrawFn) -> Proposal:
    contexts = draw(CONTEXTS)
    named = st.sampled_from([context.abstract_syntax for context in contexts])
    extended = st.tuples(named, st.binary(min_size=1, max_size=255))
    return Proposal(
        contexts=contexts,
        max_pdu=draw(st.integers(4_096, 16 << 20)),
        extended=draw(st.lists(extended, max_size=4, unique_by=lambda one: one[0])),
        operations=draw(st.integers(1, 65_535)),
        identity=draw(st.none() | IDENTITIES),
    )


class TestBytes:
    def test_each_stands_where_the_standard_says(self) -> None:
        sent = associate_rq(calling_ae="SCU", called_ae="SCP", proposal=EVERYTHING)
        assert sent == GOLDEN_RQ

    @settings(deadline=None)
    @given(AE_TITLES, AE_TITLES, proposals())
    def test_are_those_of_another_implementation(
        self, calling: str, called: str, proposal: Proposal
    ) -> None:
        names = {"calling_ae": calling, "called_ae": called}
        mine = associate_rq(**names, proposal=proposal)
        assert mine == by_primitives(**names, proposal=proposal)

    def test_a_transfer_syntax_named_twice_is_offered_once(self) -> None:
        once = ProposedContext(1, STUDY_ROOT, (EXPLICIT, IMPLICIT))
        twice = replace(once, transfer_syntaxes=(EXPLICIT, IMPLICIT, EXPLICIT))
        first, second = (
            associate_rq(
                calling_ae="SCU", called_ae="SCP", proposal=Proposal(contexts=[one])
            )
            for one in (once, twice)
        )
        assert first == second
