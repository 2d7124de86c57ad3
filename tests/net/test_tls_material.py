"""PEM files are read in one pass, whatever they begin and never end."""

from __future__ import annotations

import pytest

from batchfind.net.tls_material import MaterialError, certificates, private_key
from tests.peers.pki import Pki

UNENDED = b"-----BEGIN CERTIFICATE-----\n"


class TestAPemFile:
    @pytest.mark.parametrize(
        "begun",
        [
            UNENDED * 40_000,
            b"-----BEGIN " * 100_000,
            b"-----BEGIN A" * 100_000,
            UNENDED + b"-----END " * 100_000,
        ],
    )
    def test_of_blocks_that_never_end_costs_no_time(self, begun: bytes) -> None:
        """Reading on from each of them takes hours."""
        for read in (certificates, private_key):
            with pytest.raises(MaterialError, match="holds no "):
                read(begun, der=False)

    def test_may_hold_a_block_behind_one_that_is_cut_off(self, pki: Pki) -> None:
        assert certificates(UNENDED + pki.peer.pem, der=False)[0] == pki.peer.der
