"""What of an edited job counts when a run goes on with its stored plan."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from batchfind.errors import StateError
from batchfind.execution.again import refuse_other, transport_changes, with_transport
from batchfind.job.model import (
    CharsetPolicy,
    PeerLimits,
    PeerTimeouts,
    ResponseCap,
    RetryPolicy,
)
from batchfind.job.transport_model import (
    IdentityType,
    Secret,
    SecretKind,
    Tls,
    UserIdentity,
)
from batchfind.plan.model import Plan
from tests.execution.plans import output, peer, plan, request

SECRET = Secret(SecretKind.PLAIN, "", "s3cret-WORD")


@pytest.fixture
def stored(tmp_path: Path) -> Plan:
    return plan(tmp_path, [peer("pacs", 104)], [request("0.0", "pacs")])


@pytest.fixture
def edited(stored: Plan, tmp_path: Path) -> Plan:
    pacs = peer(
        "pacs",
        11112,
        host="new.example.org",
        bind="10.0.0.1",
        timeouts=PeerTimeouts(connect=1.0),
        limits=PeerLimits(associations=7, response_cap=ResponseCap(auto=False)),
        charset=CharsetPolicy(assume="ISO_IR 100"),
        tls=Tls(name="x", key=Path("/k"), certificate=Path("/c"), password=SECRET),
        identity=UserIdentity(
            type=IdentityType.USERNAME_PASSWORD, username="anna", password=SECRET
        ),
        operations=4,
    )
    given = replace(
        stored, peers={"pacs": pacs}, outputs=(output(tmp_path, stored.requests),)
    )
    policy = replace(
        stored.policy, directory="/elsewhere", retry=RetryPolicy(attempts=9)
    )
    return replace(given, policy=policy, job_path="/jobs/edited.yaml")


class TestAPlanUnderNewTransport:
    def test_reaches_peers_as_the_edited_job_says(
        self, stored: Plan, edited: Plan
    ) -> None:
        used = with_transport(stored, edited)
        old, new = edited.peers["pacs"], used.peers["pacs"]
        for name in ("host", "port", "bind", "timeouts", "tls", "identity"):
            assert getattr(new, name) == getattr(old, name)
        assert (new.limits.associations, new.operations) == (7, 4)
        assert used.policy.retry.attempts == 9

    def test_weighs_and_writes_as_it_did(self, stored: Plan, edited: Plan) -> None:
        used = with_transport(stored, edited)
        old, new = stored.peers["pacs"], used.peers["pacs"]
        assert new.limits.response_cap == old.limits.response_cap
        assert new.charset == old.charset
        assert used.outputs == stored.outputs
        assert used.policy.directory == stored.policy.directory
        assert used.digest == stored.digest

    def test_keeps_a_peer_that_the_edited_job_lacks(self, stored: Plan) -> None:
        assert with_transport(stored, replace(stored, peers={})) == stored


class TestTheNote:
    def test_is_empty_when_nothing_changed(self, stored: Plan) -> None:
        assert transport_changes(stored, stored) == {}
        moved = replace(stored.policy, directory="/elsewhere")
        assert transport_changes(stored, replace(stored, policy=moved)) == {}

    def test_names_what_changed_and_shows_addresses_alone(
        self, stored: Plan, edited: Plan
    ) -> None:
        found = transport_changes(stored, with_transport(stored, edited))
        assert found == {
            "peers": {
                "pacs": {
                    "host": ["127.0.0.1", "new.example.org"],
                    "port": [104, 11112],
                    "bind": [None, "10.0.0.1"],
                    **dict.fromkeys(("timeouts", "limits", "tls", "identity")),
                    "operations": None,
                }
            },
            "run": {"retry": None},
        }
        text = json.dumps(found)
        assert "s3cret" not in text
        assert "anna" not in text


class TestTheRefusal:
    def test_is_none_when_the_same_is_asked(self, stored: Plan, edited: Plan) -> None:
        refuse_other(stored, with_transport(stored, edited), Path("/runs/one"), "wait")

    def test_names_job_run_difference_and_what_to_do(
        self, stored: Plan, edited: Plan
    ) -> None:
        other = replace(edited, timezone="UTC")
        with pytest.raises(StateError) as refusal:
            refuse_other(stored, other, Path("/runs/one"), "run it anew")
        assert str(refusal.value) == (
            "/jobs/edited.yaml: it does not ask what run one asked: time zone "
            "Europe/Berlin -> UTC. `batchfind plan JOB` shows the values; run it anew"
        )
        assert not refusal.value.locked
