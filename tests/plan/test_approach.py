"""TLS, identity and addresses of peers in plans: shown, stored, and digested."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from batchfind.errors import JobError
from batchfind.job.inputs import Inputs
from batchfind.job.loader import load_job
from batchfind.job.schema import load_schema
from batchfind.job.transport_model import Secret, SecretKind
from batchfind.plan.codec import dumps, from_json, loads, to_json
from batchfind.plan.expand import expand
from batchfind.plan.model import Plan
from batchfind.plan.summary import summarise
from tests.plan.planning import NOON, Planner

QUERY = "queries: {q: {model: worklist, keys: {PatientID: x}}}\n"
TLS = "tls: {ca: ca.pem, key: k, certificate: c, password: {env: PW}}"
USER = "user_identity: {type: username-password, username: anna, password: prompt}"
EVERYTHING = f"{TLS}, {USER}, ip_version: 6, bind: '::1', new_vr: ob"


def head(fields: str) -> str:
    peer = f"  pacs: {{host: h.example, port: 104{fields and ', '}{fields}}}\n"
    return f"version: 1\nname: test\npeers:\n{peer}"


def key(planner: Planner, fields: str) -> str:
    return planner.plan(QUERY, head=head(fields)).requests[0].key


class TestARequestKey:
    def test_of_a_plain_connection_is_as_it_was(self, planner: Planner) -> None:
        assert key(planner, "") == (
            "e7380f86e0a439a97299967b172047f33db152350fc55cd00dc823e5d0842367"
        )

    @pytest.mark.parametrize(
        "fields",
        [
            "tls: {}",
            "tls: {profile: bcp195-nd}",
            "tls: {}, user_identity: {type: username, username: anna}",
            "tls: {}, user_identity: {type: username, username: bert}",
            "tls: {}, user_identity: {type: jwt, token: prompt}",
            "negotiation: {fuzzy: prefer}",
            "negotiation: {fuzzy: require}",
            "new_vr: ob",
        ],
    )
    def test_tells_what_is_asked_and_how(self, planner: Planner, fields: str) -> None:
        others = {"", "tls: {}", "negotiation: {fuzzy: prefer}"} - {fields}
        assert key(planner, fields) not in {key(planner, one) for one in others}

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("tls: {}", "tls: {ca: ca.pem, verify_hostname: false}"),
            (
                "tls: {}, user_identity: {type: jwt, token: prompt}",
                "tls: {}, user_identity: {type: jwt, token: {env: T}, response: true}",
            ),
            ("", "ip_version: 4, bind: 192.0.2.1"),
            ("", "negotiation: {async_operations: 9}"),
        ],
    )
    def test_knows_nothing_of_transport(
        self, planner: Planner, one: str, other: str
    ) -> None:
        assert key(planner, one) == key(planner, other)


class TestAStoredPlan:
    def test_comes_back_equal(self, planner: Planner) -> None:
        plan = planner.plan(QUERY, head=head(EVERYTHING))
        assert plan.peers["pacs"].tls is not None
        assert loads(dumps(plan)) == plan
        Draft202012Validator(load_schema("plan")).validate(to_json(plan))

    def test_of_every_field_is_valid(self, planner: Planner) -> None:
        plan = planner.plan(
            QUERY,
            head=head(
                "tls: {key: k, certificate: c, ca: [a, b], ca_dirs: d, crl: l, "
                "crl_check: chain, verify_hostname: other.example, sni: none, "
                "format: der, seed: {file: s, write_back: s}, password: {file: p}}, "
                "user_identity: {type: jwt, token: empty, response: true}"
            ),
        )
        assert loads(dumps(plan)) == plan
        Draft202012Validator(load_schema("plan")).validate(to_json(plan))

    @pytest.mark.parametrize(
        ("place", "value", "problem"),
        [
            ("profile", "aes", "requests[0]: was changed after it was planned"),
            ("verify_hostname", 1, "verify_hostname: must be true or false or a text"),
            ("key", "k.pem", "peers.pacs.tls.key: must be an absolute path"),
            ("key", 1, "peers.pacs.tls.key: must be a text"),
            ("password", "x", "tls.password: must have kind and name, nothing else"),
            (
                "password",
                {"kind": "env", "name": "A", "plain": "x"},
                "tls.password: must have kind and name, nothing else",
            ),
            (
                "password",
                {"kind": "vault", "name": "A"},
                "tls.password: must have kind and name, nothing else",
            ),
        ],
    )
    def test_that_was_changed_is_refused(
        self, planner: Planner, place: str, value: object, problem: str
    ) -> None:
        data = to_json(planner.plan(QUERY, head=head(EVERYTHING)))
        data["peers"]["pacs"]["tls"][place] = value
        with pytest.raises(JobError) as caught:
            from_json(data)
        assert problem in str(caught.value)

    def test_refuses_another_user(self, planner: Planner) -> None:
        data = to_json(planner.plan(QUERY, head=head(EVERYTHING)))
        data["peers"]["pacs"]["identity"]["username"] = "bert"
        with pytest.raises(JobError, match="was changed after it was planned"):
            from_json(data)


class TestAPlainSecret:
    PLAIN = "hunter2-Geheim"

    @pytest.fixture
    def plan(self, tmp_path: Path) -> Plan:
        path = tmp_path / "job.yaml"
        fields = EVERYTHING.replace("prompt", self.PLAIN)
        path.write_text(head(fields) + QUERY, "utf-8")
        return expand(load_job(path, plain_secrets=True), Inputs(), clock=NOON)

    def test_is_in_memory_only(self, plan: Plan) -> None:
        identity = plan.peers["pacs"].identity
        assert identity is not None
        assert identity.password == Secret(SecretKind.PLAIN, plain=self.PLAIN)

    def test_is_in_no_stored_plan(self, plan: Plan) -> None:
        assert self.PLAIN not in dumps(plan)
        assert self.PLAIN not in repr(plan)
        assert self.PLAIN not in summarise(plan)
        stored = json.loads(dumps(plan))["peers"]["pacs"]["identity"]
        assert stored["password"] == {"kind": "plain", "name": ""}

    def test_changes_no_digest(self, plan: Plan, planner: Planner) -> None:
        assert planner.plan(QUERY, head=head(EVERYTHING)).digest == plan.digest


class TestTheSummary:
    @pytest.mark.parametrize(
        ("fields", "line"),
        [
            (
                EVERYTHING,
                (
                    "pacs by TLS bcp195-rfc8996 with our certificate, as anna, from "
                    "::1, over IPv6"
                ),
            ),
            (
                "tls: {verify: none}, negotiation: {async_operations: 3}",
                (
                    "pacs by TLS bcp195-rfc8996 with no certificate, whoever answers, "
                    "with 3 C-FINDs in flight"
                ),
            ),
            (
                "user_identity: {type: kerberos, token: prompt, insecure_ok: true}",
                "pacs with a Kerberos ticket",
            ),
        ],
    )
    def test_says_how_a_peer_is_reached(
        self, planner: Planner, fields: str, line: str
    ) -> None:
        lines = summarise(planner.plan(QUERY, head=head(fields)))
        assert f"reaches {line}" in " ".join(lines.split())

    def test_says_nothing_of_a_plain_connection(self, planner: Planner) -> None:
        assert "reaches" not in summarise(planner.plan(QUERY, head=head("")))
