"""Whatever comes in, a value or a documented exception comes out.

Every case in corpus/ is tried, and for each target as many damaged ones as it says:
counted, not timed, and the same in every run. `python -m tests.fuzz` searches longer.
"""

from __future__ import annotations

from itertools import islice
from random import Random

import pytest

from tests.fuzz.__main__ import main
from tests.fuzz.mutation import Mutator
from tests.fuzz.search import cases, shortened, tried
from tests.fuzz.targets import CORPUS, TARGETS, Target

EVERY = pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
SEED = 1


class TestEveryTarget:
    @EVERY
    def test_takes_its_own_material(self, target: Target) -> None:
        assert target.seeds
        for seed in target.made():
            target.harness(seed)

    @EVERY
    def test_survives_what_was_found_before(self, target: Target) -> None:
        for case in target.kept.values():
            target.harness(case)

    @EVERY
    def test_survives_damage(self, target: Target) -> None:
        for case in islice(cases(target, SEED), target.runs):
            finding = tried(target, case)
            if finding is not None:
                pytest.fail(f"{finding.error!r} from {finding.case!r}")

    @EVERY
    def test_survives_nothing_and_noise(self, target: Target) -> None:
        random = Random(SEED)  # noqa: S311 - nothing secret
        for size in (0, 1, 2, 3, 5, 8, 60, 300):
            target.harness(random.randbytes(size))
            target.harness(bytes(size))
            target.harness(b"\xff" * size)


class TestTheSearch:
    def test_makes_the_same_cases_again(self) -> None:
        target = TARGETS["identifier"]
        first, again = (list(islice(cases(target, 7), 50)) for _ in range(2))
        assert first == again
        assert first != list(islice(cases(target, 8), 50))

    def test_damages_nearly_every_case(self) -> None:
        mutator = Mutator(Random(3), (b"word",))  # noqa: S311 - nothing secret
        seed = bytes(range(200))
        made = [mutator.case([seed]) for _ in range(300)]
        assert sum(case != seed for case in made) > 280
        assert any(b"word" in case for case in made)

    def test_shortens_what_it_finds(self) -> None:
        def fragile(data: bytes) -> None:
            if b"bad" in data:
                raise ValueError(data)

        target = Target("fragile", fragile, lambda: (b"good",))
        finding = tried(target, bytes(100) + b"bad" + bytes(300))
        assert finding is not None
        assert shortened(target, finding).case == b"bad"

    def test_is_for_people_too(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["--seconds", "0.1", "--target", "command_set", "--seed", "1"]) == 0
        assert "command_set: " in capsys.readouterr().out


def test_every_folder_of_the_corpus_has_its_target() -> None:
    assert {path.name for path in CORPUS.iterdir()} <= TARGETS.keys()
