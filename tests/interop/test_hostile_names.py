"""Hostile peers, 1 and 4: names that do not exist, or lead nowhere, in whole runs."""

from __future__ import annotations

import pytest

from tests.interop.hostile import checks
from tests.interop.hostile.behaviour import Behaviour
from tests.interop.hostile.names import NAMES, TABLE
from tests.interop.hostile.neighbourhood import Ran, ask_all
from tests.peers.names import resolving


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    return ask_all(TABLE, tmp_path_factory.mktemp("names"), resolving(NAMES))


@pytest.mark.parametrize("one", TABLE, ids=lambda one: one.name)
def test_ends_as_stated(one: Behaviour, ran: Ran) -> None:
    checks.check(one, ran)


def test_good_peers_of_the_same_run_are_complete(ran: Ran) -> None:
    checks.check_neighbours(ran)


def test_nothing_is_left_behind(ran: Ran) -> None:
    checks.check_nothing_left(ran)
