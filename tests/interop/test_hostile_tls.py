"""Hostile peers, 23 to 28: TLS, in a whole run."""

from __future__ import annotations

import pytest

from tests.interop.hostile import checks
from tests.interop.hostile.behaviour import Behaviour
from tests.interop.hostile.neighbourhood import Ran, ask_all
from tests.interop.hostile.secured import over_tls
from tests.peers.pki import Pki

NAMES = (
    "tls_good_asked_without",
    "plain_port",
    "tls_good",
    "tls_expired",
    "tls_not_yet",
    "tls_wrong_host",
    "tls_self_signed",
    "tls_cn_only",
    "tls_client_required",
    "tls_handshake_silent",
    "tls_handshake_garbage",
    "tls_handshake_rst",
    "tls_truncated",
)


@pytest.fixture(scope="module")
def ran(
    pki: Pki, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Behaviour], Ran]:
    folder = tmp_path_factory.mktemp("tls")
    table = {one.name: one for one in over_tls(pki, folder)}
    assert tuple(table) == NAMES
    return table, ask_all(list(table.values()), folder)


@pytest.mark.parametrize("name", NAMES)
def test_ends_as_stated(name: str, ran: tuple[dict[str, Behaviour], Ran]) -> None:
    checks.check(ran[0][name], ran[1])


def test_good_peers_of_the_same_run_are_complete(
    ran: tuple[dict[str, Behaviour], Ran],
) -> None:
    checks.check_neighbours(ran[1])


def test_nothing_is_left_behind(ran: tuple[dict[str, Behaviour], Ran]) -> None:
    checks.check_nothing_left(ran[1])
