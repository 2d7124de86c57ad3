"""`tls` of a job and of its peers: fields, wrong combinations, where they may stand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Protocol, TypeAlias

import pytest

from batchfind.dicom.tls import PROFILES
from batchfind.errors import JobError
from batchfind.job.inputs import read_inputs
from batchfind.job.loader import load_job
from batchfind.job.model import Job
from batchfind.job.schema import load_schema
from batchfind.job.transport_model import CrlCheck, FileFormat, Secret, SecretKind, Tls

Problems: TypeAlias = Callable[[str | bytes], list[str]]
Load: TypeAlias = Callable[[str], Job]


class Write(Protocol):
    def __call__(self, text: str | bytes, name: str = "job.yaml") -> Path: ...


QUERY = "queries: {q: {model: worklist, peers: p, keys: {PatientID: x}}}\n"


def with_tls(fields: str) -> str:
    """A job whose only peer has these TLS fields, on line 4 from column 36."""
    peer = f"  p: {{host: h.example, port: 1, tls: {{{fields}}}}}\n"
    return f"version: 1\nname: x\npeers:\n{peer}{QUERY}"


def column_of(text: str, name: str, line: int = 4) -> int:
    """Where the value of a field begins; of a list, its first item."""
    before, _, rest = text.splitlines()[line - 1].rpartition(f"{name}: ")
    return len(before) + len(name) + 3 + rest.startswith("[")


def tls_of(job: Job, name: str = "p") -> Tls:
    found = job.peers[name].tls
    assert found is not None
    return found


class TestAPeer:
    def test_has_none_unless_it_says_so(self, load: Load) -> None:
        job = load(
            "version: 1\nname: x\npeers: {p: {host: h, port: 1}, q: {host: h, "
            f"port: 1, tls: off}}}}\n{QUERY}"
        )
        assert [peer.tls for peer in job.peers.values()] == [None, None]

    def test_may_have_it_as_a_mapping(self, load: Load) -> None:
        assert tls_of(load(with_tls(""))) == Tls(name="p")

    def test_may_have_it_by_name(self, load: Load) -> None:
        job = load(
            "version: 1\nname: x\ntls: {hospital: {verify_hostname: false}}\n"
            f"peers: {{p: {{host: h, port: 1, tls: hospital}}}}\n{QUERY}"
        )
        assert tls_of(job) == Tls(name="hospital", verify_hostname=False)

    def test_may_have_it_from_an_included_file(self, write: Write, load: Load) -> None:
        Path("site").mkdir()
        write("tls: {hospital: {ca: trust/ca.pem}}\n", "site/site.yaml")
        job = load(
            "version: 1\nname: x\ninclude: site/site.yaml\n"
            f"peers: {{p: {{host: h, port: 1, tls: hospital}}}}\n{QUERY}"
        )
        assert tls_of(job).ca == (Path.cwd() / "site/trust/ca.pem",)
        assert tls_of(job).system_ca is False

    def test_may_have_it_from_the_defaults_of_peers(self, load: Load) -> None:
        job = load(
            "version: 1\nname: x\n"
            "peer_defaults: {tls: {ca: ca.pem, sni: none}, ip_version: 4}\n"
            "peers:\n"
            "  p: {host: h, port: 1, tls: {sni: b.example}}\n"
            "  off: {host: h, port: 1, tls: off}\n"
            f"  demo: {{demo: pacs}}\n{QUERY}"
        )
        assert tls_of(job).ca == (Path.cwd() / "ca.pem",)
        assert tls_of(job).sni == "b.example"
        assert job.peers["off"].tls is None
        assert job.peers["demo"].tls is None
        assert job.peers["demo"].ip_version is None

    def test_of_the_demo_has_none(self, problems: Problems) -> None:
        assert problems(
            f"version: 1\nname: x\npeers: {{p: {{demo: pacs, tls: {{}}}}}}\n{QUERY}"
        ) == [
            "job.yaml:3:30: peers.p.tls: a demo peer has no tls; remove tls or demo",
        ]

    @pytest.mark.parametrize(
        ("written", "problem"),
        [
            ("hopsital", "there is no 'hopsital' under tls (did you mean 'hospital'?)"),
            ("x", "there is no 'x' under tls; write it there, or off"),
            (
                "true",
                "must be a name under tls, a mapping of tls fields, or off, not true",
            ),
            (
                "[hospital]",
                "must be a name under tls, a mapping of tls fields, or off, not a list",
            ),
        ],
    )
    def test_names_what_there_is(
        self, problems: Problems, written: str, problem: str
    ) -> None:
        assert problems(
            "version: 1\nname: x\ntls: {hospital: {}}\n"
            f"peers: {{p: {{host: h, port: 1, tls: {written}}}}}\n{QUERY}"
        ) == [f"job.yaml:4:36: peers.p.tls: {problem}"]

    def test_is_not_told_of_names_in_a_file_that_is_missing(
        self, problems: Problems
    ) -> None:
        (problem,) = problems(
            "version: 1\nname: x\ninclude: none.yaml\n"
            f"peers: {{p: {{host: h, port: 1, tls: hospital}}}}\n{QUERY}"
        )
        assert "cannot read none.yaml" in problem


class TestAnEntry:
    def test_takes_every_field(self, load: Load) -> None:
        job = load(
            dedent(
                """\
                version: 1
                name: x
                tls:
                  hospital:
                    profile: bcp195-nd
                    key: k.pem
                    certificate: c.pem
                    password: {env: KEY_PASSWORD}
                    format: der
                    ca: [a.pem, b.pem]
                    ca_dirs: trust
                    system_ca: true
                    crl: l.crl
                    crl_check: chain
                    ciphers: [TLS_RSA_WITH_AES_128_CBC_SHA]
                    verify: required
                    verify_hostname: pacs.example
                    sni: front.example
                    seed: {file: rand, write_back: rand.new}
                peers: {p: {host: h, port: 1, tls: hospital}}
                """
            )
            + QUERY
        )
        here = Path.cwd()
        assert tls_of(job) == Tls(
            name="hospital",
            profile="bcp195-nd",
            key=here / "k.pem",
            certificate=here / "c.pem",
            password=Secret(SecretKind.ENV, "KEY_PASSWORD"),
            format=FileFormat.DER,
            ca=(here / "a.pem", here / "b.pem"),
            ca_dirs=(here / "trust",),
            system_ca=True,
            crl=(here / "l.crl",),
            crl_check=CrlCheck.CHAIN,
            ciphers=("TLS_RSA_WITH_AES_128_CBC_SHA",),
            verify=True,
            verify_hostname="pacs.example",
            sni="front.example",
            seed=here / "rand",
            seed_write_back=here / "rand.new",
        )

    def test_off_is_no_name(self, problems: Problems) -> None:
        (problem,) = problems(
            "version: 1\nname: x\ntls: {off: {}}\n"
            f"peers: {{p: {{host: h, port: 1}}}}\n{QUERY}"
        )
        assert problem == (
            "job.yaml:3:7: tls.off: 'off' means no TLS at a peer; choose another name"
        )

    def test_twice_is_one_too_many(self, write: Write, problems: Problems) -> None:
        write("tls: {a: {}}\n", "site.yaml")
        (problem,) = problems(
            "version: 1\nname: x\ninclude: site.yaml\ntls: {a: {}}\n"
            f"peers: {{p: {{host: h, port: 1}}}}\n{QUERY}"
        )
        assert problem == (
            "job.yaml:4:7: tls.a: 'a' stands here and at site.yaml:1:7; keep one of "
            "them"
        )

    def test_is_checked_although_no_peer_uses_it(self, problems: Problems) -> None:
        (problem,) = problems(
            "version: 1\nname: x\ntls: {a: {key: k.pem}}\n"
            f"peers: {{p: {{host: h, port: 1}}}}\n{QUERY}"
        )
        assert problem.startswith("job.yaml:3:16: tls.a.key: key needs certificate")

    @pytest.mark.parametrize("written", ["null", '"null"', "'null'"])
    def test_null_is_a_profile_with_or_without_quotes(
        self, load: Load, written: str
    ) -> None:
        job = load(with_tls(f"profile: {written}"))
        assert tls_of(job).profile == "null"
        (warning,) = job.warnings
        assert "encrypts nothing" in warning.message

    @pytest.mark.parametrize("written", ["", "~", "NULL"])
    def test_nothing_is_no_profile(self, problems: Problems, written: str) -> None:
        (problem,) = problems(with_tls(f"profile: {written}"))
        assert "peers.p.tls.profile: must be one of bcp195-rfc8996, " in problem

    def test_names_every_profile(self) -> None:
        fields = load_schema()["$defs"]["tls"]["properties"]
        assert fields["profile"]["enum"] == list(PROFILES)


class TestDefaults:
    """What one field means for the others."""

    @pytest.mark.parametrize(
        ("fields", "expected"),
        [("", True), ("ca: a", False), ("ca_dirs: a", False)],
    )
    def test_the_machine_s_trust_counts_when_none_is_named(
        self, load: Load, fields: str, expected: bool
    ) -> None:
        assert tls_of(load(with_tls(fields))).system_ca is expected

    def test_the_machine_s_trust_may_be_added(self, load: Load) -> None:
        assert tls_of(load(with_tls("ca: a, system_ca: true"))).system_ca is True

    def test_a_revocation_list_checks_the_peer_s_certificate(self, load: Load) -> None:
        assert tls_of(load(with_tls("crl: a"))).crl_check is CrlCheck.LEAF

    def test_without_verification_no_name_is_looked_for(self, load: Load) -> None:
        assert tls_of(load(with_tls("verify: none"))).verify_hostname is False

    def test_no_server_name_is_the_empty_text(self, load: Load) -> None:
        assert tls_of(load(with_tls("sni: none"))).sni == ""


class TestWrongCombinations:
    @pytest.mark.parametrize(
        ("fields", "where", "problem"),
        [
            (
                "key: k",
                "peers.p.tls.key",
                "key needs certificate beside it; write both or neither",
            ),
            (
                "certificate: c",
                "peers.p.tls.certificate",
                "certificate needs key beside it; write both or neither",
            ),
            (
                "password: empty",
                "peers.p.tls.password",
                "password needs key beside it; write both or neither",
            ),
            (
                "crl_check: leaf",
                "peers.p.tls.crl_check",
                "there is no revocation list to look at; name some under crl",
            ),
            (
                "crl: a, crl_check: none",
                "peers.p.tls.crl",
                "these lists would not be looked at; remove crl_check: none, or crl",
            ),
            (
                "system_ca: false",
                "peers.p.tls.system_ca",
                "no certificate would be trusted; name some under ca or ca_dirs",
            ),
            (
                "verify: none, verify_hostname: true",
                "peers.p.tls.verify_hostname",
                (
                    "verify: none takes any certificate, whatever name it holds; "
                    "remove verify_hostname, or verify: none"
                ),
            ),
            (
                "verify: none, verify_hostname: h.example",
                "peers.p.tls.verify_hostname",
                (
                    "verify: none takes any certificate, whatever name it holds; "
                    "remove verify_hostname, or verify: none"
                ),
            ),
            (
                "verify_hostname: no",
                "peers.p.tls.verify_hostname",
                "write true or false without quotes, or the name to look for",
            ),
            (
                "verify_hostname: https://h",
                "peers.p.tls.verify_hostname",
                "a host is no URL; write its name alone",
            ),
            (
                'verify_hostname: "*.example.org"',
                "peers.p.tls.verify_hostname",
                (
                    "must be one name the certificate covers, such as "
                    "pacs.example.org, and no pattern"
                ),
            ),
            (
                "sni: 192.0.2.1",
                "peers.p.tls.sni",
                (
                    "this names a host and cannot be an address (RFC 6066 Section 3); "
                    "write its name, or none"
                ),
            ),
            (
                'sni: "a b"',
                "peers.p.tls.sni",
                "a host name holds no spaces and no control characters",
            ),
            (
                "seed: {write_back: a}",
                "peers.p.tls.seed",
                "the field 'file' is missing",
            ),
            (
                "ciphers: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA265]",
                "peers.p.tls.ciphers",
                (
                    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA265 is no cipher suite that can "
                    "be used here; batchfind tls ciphers lists them by IANA name (did "
                    "you mean 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256'?)"
                ),
            ),
            (
                "ciphers: TLS_DH_anon_WITH_AES_128_CBC_SHA",
                "peers.p.tls.ciphers",
                (
                    "TLS_DH_anon_WITH_AES_128_CBC_SHA would let anybody answer for the "
                    "peer; remove it"
                ),
            ),
            (
                "ciphers: TLS_RSA_WITH_NULL_SHA256",
                "peers.p.tls.ciphers",
                (
                    "TLS_RSA_WITH_NULL_SHA256 does not encrypt; only the profile null "
                    "may use it"
                ),
            ),
            (
                "ciphers: TLS_AES_128_GCM_SHA256",
                "peers.p.tls.ciphers",
                (
                    "TLS_AES_128_GCM_SHA256 belongs to TLS 1.3, which OpenSSL offers "
                    "by itself; remove it"
                ),
            ),
            (
                (
                    "profile: bcp195-ex, ciphers: "
                    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"
                ),
                "peers.p.tls.ciphers",
                ("the profile bcp195-ex allows no other cipher suites; remove it"),
            ),
            (
                "ciphers: TLS_RSA_WITH_AES_128_CBC_SHA",
                "peers.p.tls.ciphers",
                (
                    "TLS_RSA_WITH_AES_128_CBC_SHA relies on SHA-1, which the profile "
                    "bcp195-rfc8996 excludes"
                ),
            ),
        ],
    )
    def test_are_one_sentence_at_their_place(
        self, problems: Problems, fields: str, where: str, problem: str
    ) -> None:
        text = with_tls(fields)
        column = column_of(text, where.rpartition(".")[2])
        assert problems(text) == [f"job.yaml:4:{column}: {where}: {problem}"]

    @pytest.mark.parametrize("name", ["ca", "ca_dirs", "crl"])
    def test_trust_without_verification_is_a_warning(
        self, load: Load, name: str
    ) -> None:
        (warning,) = load(with_tls(f"verify: none, {name}: a")).warnings
        assert warning.message == f"verify: none looks at no {name}; it can be removed"

    def test_what_bcp_195_advises_against_is_a_warning(self, load: Load) -> None:
        job = load(with_tls("ciphers: TLS_RSA_WITH_AES_128_GCM_SHA256"))
        (warning,) = job.warnings
        assert "no forward secrecy" in warning.message


class TestFiles:
    """They must be there before anything is planned; they are read later."""

    def missing(self, path: Path) -> list[str]:
        with pytest.raises(JobError) as caught:
            read_inputs(load_job(path))
        return [str(problem) for problem in caught.value.problems]

    def test_that_are_there_are_no_problem(self, write: Write) -> None:
        for name in ("k", "c", "pw", "ca", "crl", "rand"):
            write("", name)
        Path("trust").mkdir()
        fields = (
            "key: k, certificate: c, password: {file: pw}, ca: ca, ca_dirs: trust, "
            "crl: crl, seed: {file: rand, write_back: new}"
        )
        read_inputs(load_job(write(with_tls(fields))))

    def test_that_are_missing_are_all_told(self, write: Write) -> None:
        fields = (
            "key: k, certificate: c, password: {file: pw}, ca: [ca], ca_dirs: trust, "
            "crl: crl, seed: {file: rand}"
        )
        text = with_tls(fields)
        assert self.missing(write(text)) == [
            f"job.yaml:4:{column_of(text, at)}: "
            f"peers.p.tls.{place}: cannot read {Path.cwd() / name}: "
            "no such file or directory"
            for place, at, name in (
                ("key", "key", "k"),
                ("certificate", "certificate", "c"),
                ("ca", "ca", "ca"),
                ("crl", "crl", "crl"),
                ("ca_dirs", "ca_dirs", "trust"),
                ("password.file", "password: {file", "pw"),
                ("seed.file", "seed: {file", "rand"),
            )
        ]

    def test_are_files_where_files_are_meant(self, write: Write) -> None:
        write("", "f")
        Path("d").mkdir()
        found = self.missing(write(with_tls("ca: d, ca_dirs: f")))
        assert found[0].endswith(f"{Path.cwd() / 'd'} is a folder; name a file")
        assert found[1].endswith(f"{Path.cwd() / 'f'} is no folder")

    def test_of_peers_that_nobody_asks_may_be_missing(self, write: Write) -> None:
        job = with_tls("ca: none.pem").replace("queries", "  r: {demo: pacs}\nqueries")
        read_inputs(load_job(write(job.replace("peers: p", "peers: r"))))

    def test_of_any_peer_count_where_a_template_names_it(self, write: Write) -> None:
        job = with_tls("ca: none.pem").replace("peers: p,", 'peers: "{{ vars.p }}",')
        assert len(self.missing(write(job + "vars: {p: x}\n"))) == 1

    def test_are_no_shell_s_paths(self, problems: Problems) -> None:
        (problem,) = problems(with_tls("ca: ~/ca.pem"))
        assert "no shell expands ~ here" in problem
