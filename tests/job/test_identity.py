"""User identity, extended negotiation and addresses of a peer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeAlias

import pytest

from batchfind.dicom.extended import OPTIONS
from batchfind.errors import JobError
from batchfind.job.inputs import read_inputs
from batchfind.job.loader import load_job
from batchfind.job.model import Job
from batchfind.job.schema import load_schema
from batchfind.job.transport_model import (
    Asked,
    IdentityType,
    Negotiation,
    Secret,
    SecretKind,
    UserIdentity,
)

Problems: TypeAlias = Callable[[str | bytes], list[str]]
Load: TypeAlias = Callable[[str], Job]


class Write(Protocol):
    def __call__(self, text: str | bytes, name: str = "job.yaml") -> Path: ...


def with_fields(fields: str) -> str:
    """A job whose only peer has these fields, on line 3 from column 43."""
    peer = f"peers: {{p: {{host: 192.0.2.7, port: 104, {fields}}}}}\n"
    query = "queries: {q: {model: worklist, keys: {PatientID: x}}}\n"
    return f"version: 1\nname: x\n{peer}{query}"


def with_user(fields: str, more: str = "") -> str:
    return with_fields(f"user_identity: {{{fields}}}{more}")


def column_of(text: str, name: str) -> int:
    """Where the value of the peer's field begins."""
    before, _, _ = text.splitlines()[2].rpartition(f"{name}: ")
    return len(before) + len(name) + 3


def user_of(job: Job) -> UserIdentity:
    found = job.peers["p"].identity
    assert found is not None
    return found


TOKEN = Secret(SecretKind.ENV, "TOKEN")


class TestUserIdentity:
    """PS3.7 D.3.3.7: five types, each with its own fields."""

    def test_is_none_unless_it_is_written(self, load: Load) -> None:
        assert load(with_fields("end: abort")).peers["p"].identity is None

    @pytest.mark.parametrize(
        ("fields", "identity"),
        [
            (
                "type: username, username: 0123",
                UserIdentity(type=IdentityType.USERNAME, username="0123"),
            ),
            (
                (
                    "type: username-password, username: anna, password: empty, "
                    "response: true, insecure_ok: true"
                ),
                UserIdentity(
                    type=IdentityType.USERNAME_PASSWORD,
                    username="anna",
                    password=Secret(SecretKind.EMPTY),
                    response=True,
                    insecure_ok=True,
                ),
            ),
            *(
                (
                    f"type: {kind.value}, token: {{env: TOKEN}}, insecure_ok: true",
                    UserIdentity(type=kind, token=TOKEN, insecure_ok=True),
                )
                for kind in (IdentityType.KERBEROS, IdentityType.SAML, IdentityType.JWT)
            ),
        ],
    )
    def test_has_what_its_type_consists_of(
        self, load: Load, fields: str, identity: UserIdentity
    ) -> None:
        assert user_of(load(with_user(fields))) == identity

    @pytest.mark.parametrize(
        ("fields", "where", "problem"),
        [
            (
                "type: username",
                "peers.p.user_identity.type",
                "the type username needs a username; write it beside",
            ),
            (
                "type: username-password, username: u, insecure_ok: true",
                "peers.p.user_identity.type",
                "the type username-password needs a password; write it beside",
            ),
            (
                "type: jwt, insecure_ok: true",
                "peers.p.user_identity.type",
                "the type jwt needs a token; write it beside",
            ),
            (
                "type: username, username: u, password: empty",
                "peers.p.user_identity.password",
                "the type username has no password; remove it",
            ),
            (
                "type: saml, token: prompt, insecure_ok: true, username: u",
                "peers.p.user_identity.username",
                "the type saml has no username; remove it",
            ),
            ("username: u", "peers.p.user_identity", "the field 'type' is missing"),
            (
                "type: ldap",
                "peers.p.user_identity.type",
                (
                    "must be one of username, username-password, kerberos, saml, jwt, "
                    "not 'ldap'"
                ),
            ),
            (
                'type: username, username: "{{ vars.u }}"',
                "peers.p.user_identity.username",
                "a user name is no template; write it, and one peer each",
            ),
            (
                'type: username, username: "a\\tb"',
                "peers.p.user_identity.username",
                "must be a user name without control characters",
            ),
        ],
    )
    def test_says_what_is_missing_or_too_much(
        self, problems: Problems, fields: str, where: str, problem: str
    ) -> None:
        text = with_user(fields)
        column = column_of(text, where.rpartition(".")[2])
        assert problems(text) == [f"job.yaml:3:{column}: {where}: {problem}"]

    @pytest.mark.parametrize(
        ("fields", "more", "safe"),
        [
            ("type: username, username: u", "", True),
            ("type: jwt, token: prompt", "", False),
            ("type: jwt, token: prompt", ', tls: {profile: "null"}', False),
            ("type: jwt, token: prompt", ", tls: {}", True),
            ("type: jwt, token: prompt, insecure_ok: true", "", True),
            ("type: username-password, username: u, password: prompt", "", False),
        ],
    )
    def test_that_holds_a_secret_needs_encryption(
        self, problems: Problems, fields: str, more: str, safe: bool
    ) -> None:
        found = problems(with_user(fields, more))
        what = "password" if "password" in fields else "token"
        message = (
            f"peers.p.user_identity.type: the {what} would cross the network without "
            "encryption; give the peer tls, or write insecure_ok: true"
        )
        assert any(one.endswith(message) for one in found) is not safe

    def test_that_would_go_to_whoever_answers_needs_insecure_ok(
        self, problems: Problems
    ) -> None:
        unverified = ", tls: {verify: none}"
        (found,) = problems(with_user("type: jwt, token: prompt", unverified))
        assert found.endswith(
            "the token would go to whoever answers, since tls has verify: none; "
            "verify the peer, or write insecure_ok: true"
        )

    def test_s_files_must_be_there(self, write: Write) -> None:
        path = write(with_user("type: jwt, insecure_ok: true, token: {file: t}"))
        with pytest.raises(JobError, match=r"peers\.p\.user_identity\.token\.file"):
            read_inputs(load_job(path))
        write("", "t")
        read_inputs(load_job(path))

    def test_of_the_defaults_is_not_a_demo_peer_s(self, load: Load) -> None:
        job = load(
            "version: 1\nname: x\npeers: {p: {demo: pacs}}\n"
            "peer_defaults: {tls: {}, user_identity: {type: jwt, token: prompt}}\n"
            "queries: {q: {model: worklist, keys: {PatientID: x}}}\n"
        )
        assert job.peers["p"].identity is None


class TestNegotiation:
    def test_is_off(self, load: Load) -> None:
        assert load(with_fields("end: abort")).peers["p"].negotiation == Negotiation()

    def test_holds_what_is_asked(self, load: Load) -> None:
        fields = "fuzzy: prefer, relational: require, timezone: off"
        peer = load(with_fields(f"negotiation: {{{fields}, async_operations: 8}}"))
        assert peer.peers["p"].negotiation == Negotiation(
            options={"relational": Asked.REQUIRE, "fuzzy": Asked.PREFER},
            async_operations=8,
        )

    def test_knows_every_option_of_the_standard(self) -> None:
        fields = load_schema()["$defs"]["negotiation"]["properties"]
        assert tuple(fields) == (*OPTIONS, "async_operations")

    @pytest.mark.parametrize(
        ("fields", "problem"),
        [
            ("fuzzy: true", "must be one of off, prefer, require, not true"),
            ("fuzzy: on", "must be one of off, prefer, require, not 'on'"),
            ("async_operations: 0", "must be an integer, 1 to 65535, not 0"),
        ],
    )
    def test_takes_nothing_else(
        self, problems: Problems, fields: str, problem: str
    ) -> None:
        (found,) = problems(with_fields(f"negotiation: {{{fields}}}"))
        assert found.endswith(problem)


class TestAddresses:
    def test_are_left_to_the_system(self, load: Load) -> None:
        peer = load(with_fields("ip_version: auto")).peers["p"]
        assert (peer.ip_version, peer.bind) == (None, None)

    def test_may_be_chosen(self, load: Load) -> None:
        peer = load(with_fields("ip_version: 4, bind: 192.0.2.20")).peers["p"]
        assert (peer.ip_version, peer.bind) == (4, "192.0.2.20")

    def test_may_name_an_interface(self, load: Load) -> None:
        job = with_fields('bind: "fe80::1%eth0"').replace("192.0.2.7", "h.example")
        assert load(job).peers["p"].bind == "fe80::1%eth0"

    @pytest.mark.parametrize(
        ("fields", "problem"),
        [
            (
                "ip_version: 6",
                "peers.p.ip_version: 192.0.2.7 is no address of IP version 6",
            ),
            ("ip_version: 5", "peers.p.ip_version: must be one of auto, 4, 6, not 5"),
            (
                "bind: eth0",
                (
                    "peers.p.bind: must be an IP address of this machine, such as "
                    "192.0.2.20"
                ),
            ),
            (
                'bind: "::1"',
                (
                    "peers.p.bind: an address of IP version 6 cannot reach one of "
                    "version 4"
                ),
            ),
        ],
    )
    def test_fit_together(self, problems: Problems, fields: str, problem: str) -> None:
        assert any(one.endswith(problem) for one in problems(with_fields(fields)))

    def test_of_a_demo_peer_are_its_own(self, problems: Problems) -> None:
        job = with_fields("bind: 192.0.2.20").replace(
            "host: 192.0.2.7, port: 104", "demo: pacs"
        )
        (found,) = problems(job)
        assert found.endswith("a demo peer has no bind; remove bind or demo")


def test_new_vrs_may_be_sent_as_ob(load: Load) -> None:
    assert load(with_fields("new_vr: ob")).peers["p"].new_vr_as_ob is True
    assert load(with_fields("new_vr: keep")).peers["p"].new_vr_as_ob is False
