from __future__ import annotations

import pydicom.uid
import pytest

from batchfind.dicom import transfer_syntaxes as ts


@pytest.mark.parametrize(("uid", "title"), ts.TITLES.items())
def test_titles_are_those_of_the_standard(uid: str, title: str) -> None:
    assert pydicom.uid.UID(uid).name == title


@pytest.mark.parametrize(
    ("name", "first", "count"),
    [
        ("standard", ts.EXPLICIT_LE, 2),
        ("local", ts.EXPLICIT_LE, 3),
        ("little", ts.EXPLICIT_LE, 3),
        ("big", ts.EXPLICIT_BE, 3),
        ("deflated", ts.DEFLATED_LE, 4),
        ("implicit", ts.IMPLICIT_LE, 1),
    ],
)
def test_presets_propose_in_order(name: str, first: str, count: int) -> None:
    proposal = ts.proposal_of((name,))
    assert proposal[0] == first
    assert len(proposal) == count


def test_a_list_of_uids_keeps_its_order_and_loses_repetitions() -> None:
    asked = (ts.IMPLICIT_LE, ts.EXPLICIT_LE, ts.IMPLICIT_LE)
    assert ts.proposal_of(asked) == (ts.IMPLICIT_LE, ts.EXPLICIT_LE)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"syntax 'jpeg'; use .*big"):
        ts.proposal_of(("jpeg",))


def test_nothing_cannot_be_proposed() -> None:
    with pytest.raises(ValueError, match="at least one"):
        ts.proposal_of(())
