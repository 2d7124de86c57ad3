from __future__ import annotations

import pytest

from batchfind.errors import RejectedPermanent, RejectedTransient


class TestTheHintOfARejection:
    """A-ASSOCIATE-RJ, PS3.8 Table 9-21: what to do depends on source and reason."""

    @pytest.mark.parametrize(
        ("source", "reason", "says"),
        [
            (1, 1, "may also not accept this model, or our address"),
            (2, 1, "may also not accept this model, or our address"),
            (1, 3, "enter our calling_ae"),
            (1, 7, "check called_ae"),
            (3, 2, "the peer is busy"),
            (1, 2, "check called and calling AE title"),
        ],
    )
    def test_of_a_permanent_one_follows_its_reason(
        self, source: int, reason: int, says: str
    ) -> None:
        assert says in RejectedPermanent("no", source=source, reason=reason).hint

    def test_of_a_transient_one_is_to_wait(self) -> None:
        assert "run later" in RejectedTransient("no", source=1, reason=1).hint
