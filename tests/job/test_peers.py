"""Peers: their address, their defaults, and files that several jobs include."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeAlias

import pytest

from batchfind.dicom.transfer_syntaxes import EXPLICIT_LE, PRESETS
from batchfind.job.model import (
    CharsetPolicy,
    Job,
    PeerLimits,
    PeerTimeouts,
    Priority,
    ResponseCap,
)

Problems: TypeAlias = Callable[[str | bytes], list[str]]
Load: TypeAlias = Callable[[str], Job]
Job_: TypeAlias = Callable[[str], str]


class Write(Protocol):
    def __call__(self, text: str | bytes, name: str = "job.yaml") -> Path: ...


QUERY = "queries: {q: {model: worklist, keys: {PatientID: x}}}\n"


class TestAPeer:
    def test_has_the_schema_s_defaults(self, load: Load, with_peer: Job_) -> None:
        peer = load(with_peer("host: h\nport: 104")).peers["pacs"]
        assert (peer.called_ae.text, peer.calling_ae.text) == ("ANY-SCP", "BATCHFIND")
        assert peer.transfer_syntaxes == PRESETS["standard"]
        assert peer.timeouts == PeerTimeouts()
        assert peer.limits == PeerLimits()
        assert peer.charset == CharsetPolicy()
        assert peer.priority is Priority.MEDIUM
        assert (peer.max_pdu, peer.deflate_level) == (16384, 6)
        assert (peer.end, peer.on_cancel) == ("release", "cancel")

    def test_takes_every_field(self, load: Load, with_peer: Job_) -> None:
        peer = load(
            with_peer(
                """
                host: h
                port: 104
                called_ae: "{{ vars.ae }}"
                calling_ae: ME
                transfer_syntaxes: [1.2.840.10008.1.2.1]
                deflate_level: 9
                max_pdu: 64KiB
                priority: high
                timeouts: {connect: 100ms, response: none}
                limits: {associations: 3, queries_per_association: 1, response_cap: 50}
                charset: {request: ISO_IR 144, assume: ISO_IR 100, override: none}
                timezone: Asia/Tokyo
                vars: {ae: X}
                end: abort
                on_cancel: abort
                """
            )
        ).peers["pacs"]
        assert peer.transfer_syntaxes == (EXPLICIT_LE,)
        assert peer.max_pdu == 65536
        assert peer.priority is Priority.HIGH
        assert peer.timeouts == PeerTimeouts(connect=0.1, response=None)
        assert peer.limits == PeerLimits(
            associations=3,
            queries_per_association=1,
            response_cap=ResponseCap(declared={"": 50}),
        )
        assert peer.charset == CharsetPolicy(
            request=("ISO_IR 144",), assume="ISO_IR 100"
        )
        assert peer.timezone == "Asia/Tokyo"
        assert peer.vars["ae"].text == "X"
        assert (peer.end, peer.on_cancel) == ("abort", "abort")

    @pytest.mark.parametrize(
        ("fields", "problem"),
        [
            (
                "port: 104",
                (
                    "6:5: peers.pacs: the field 'host' is missing; a peer has host and "
                    "port, or demo"
                ),
            ),
            (
                "host: h",
                (
                    "6:5: peers.pacs: the field 'port' is missing; a peer has host and "
                    "port, or demo"
                ),
            ),
            (
                "demo: pacs\nhost: h",
                "7:11: peers.pacs.host: a demo peer has no host; remove host or demo",
            ),
            (
                "demo: pac",
                (
                    "6:11: peers.pacs.demo: must be one of pacs, worklist, not "
                    "'pac' (did you mean 'pacs'?)"
                ),
            ),
            (
                "host: h\nport: 104\ncalled_ae: ABCDEFGHIJKLMNOPQ",
                (
                    "8:16: peers.pacs.called_ae: must be an AE title of 1 to 16 ASCII "
                    "characters"
                ),
            ),
            (
                "host: h\nport: 104\ncalling_ae: 'A\\B'",
                "8:17: peers.pacs.calling_ae: an AE title holds no backslash",
            ),
            (
                "host: h\nport: 104\nmax_pdu: 4KiB\npriority: hi",
                (
                    "9:15: peers.pacs.priority: must be one of medium, high, low, "
                    "not 'hi' (did you mean 'high'?)"
                ),
            ),
            (
                "host: h\nport: 104\nmax_pdu: 1KiB",
                "8:14: peers.pacs.max_pdu: must be 4096 to 131072 bytes",
            ),
            (
                "host: h\nport: 104\nmax_pdu: 1024",
                (
                    "8:14: peers.pacs.max_pdu: must be 4096 to 131072 bytes, such "
                    "as 16384 or 64KiB, not 1024"
                ),
            ),
            (
                "host: h\nport: 104\ntimezone: Europe/Berln",
                (
                    "8:15: peers.pacs.timezone: 'Europe/Berln' is no IANA time "
                    "zone (did you mean 'Europe/Berlin'?)"
                ),
            ),
            (
                "host: h\nport: 104\ntimezone: ../etc",
                (
                    "8:15: peers.pacs.timezone: '../etc' is no IANA time zone; write"
                    " Region/City, such as Europe/Berlin"
                ),
            ),
        ],
    )
    def test_names_what_is_wrong(
        self, problems: Problems, with_peer: Job_, fields: str, problem: str
    ) -> None:
        assert problems(with_peer(fields)) == [f"job.yaml:{problem}"]

    def test_proposes_known_transfer_syntaxes(
        self, problems: Problems, with_peer: Job_
    ) -> None:
        (problem,) = problems(with_peer("host: h\nport: 1\ntransfer_syntaxes: litle"))
        assert "unknown transfer syntax 'litle'" in problem
        assert problem.endswith("(did you mean 'little'?)")

    def test_names_known_character_sets(
        self, problems: Problems, with_peer: Job_
    ) -> None:
        fields = "host: h\nport: 1\ncharset: {assume: LATIN1, request: [ISO_IR 100, X]}"
        found = problems(with_peer(fields))
        assert len(found) == 2
        assert all(one.endswith("write a term such as ISO_IR 100") for one in found)

    def test_template_ae_titles_are_left_to_the_plan(
        self, load: Load, with_peer: Job_
    ) -> None:
        load(
            with_peer(
                "host: h\nport: 1\ncalled_ae: '{{ vars.a_long_name_of_a_title }}'"
            )
        )


class TestPeerDefaults:
    def test_merge_deeply_under_each_peer(self, load: Load) -> None:
        job = load(
            """
            version: 1
            name: x
            peer_defaults:
              port: 104
              calling_ae: US
              timeouts: {connect: 1s, acse: 2s}
              charset: {request: [ISO_IR 100, ISO_IR 192]}
            peers:
              a: {host: a, timeouts: {acse: 3s}, charset: {request: [ISO_IR 144]}}
              b: {host: b, port: 105, calling_ae: THEM}
              c: {demo: worklist}
            queries: {q: {model: worklist, peers: [a, b, c], keys: {PatientID: x}}}
            """
        )
        a, b, c = job.peers.values()
        assert a.timeouts == PeerTimeouts(connect=1.0, acse=3.0)
        assert a.charset.request == ("ISO_IR 144",)
        assert (a.port, b.port, c.port) == (104, 105, None)
        assert [peer.calling_ae.text for peer in (a, b, c)] == ["US", "THEM", "US"]

    def test_cannot_give_a_host(self, problems: Problems, with_peer: Job_) -> None:
        found = problems(
            "peer_defaults: {demo: pacs}\n" + with_peer("host: h\nport: 1")
        )
        assert found == [
            (
                "job.yaml:1:17: peer_defaults.demo: unknown field 'demo'; 'demo' "
                "belongs in a peer"
            )
        ]


class TestIncludedFiles:
    def test_bring_peers_vars_and_defaults(self, load: Load, write: Write) -> None:
        write(
            "peers: {a: {host: a}}\nvars: {x: 1}\npeer_defaults: {port: 104}\n",
            "s.yaml",
        )
        job = load(f"version: 1\nname: x\ninclude: s.yaml\nvars: {{y: 2}}\n{QUERY}")
        assert job.peers["a"].port == 104
        assert {name: one.text for name, one in job.vars.items()} == {
            "x": "1",
            "y": "2",
        }
        ((path, text),) = job.includes
        assert path.is_absolute()
        assert text.startswith("peers: {a:")

    def test_report_problems_in_their_own_file(
        self, problems: Problems, write: Write
    ) -> None:
        write(
            "queries: {}\nname: z\npeers:\n  a: {host: a, port: x}\n"
            "  a: {host: b, port: 1}\n  b: {host: b}\n",
            "s.yaml",
        )
        assert problems(f"version: 1\nname: x\ninclude: [s.yaml]\n{QUERY}") == [
            "job.yaml:4:14: queries.q: the field 'peers' is missing; name some of a, b",
            (
                "s.yaml:1:1: queries: unknown field 'queries'; 'queries' belongs "
                "in a job or an output"
            ),
            (
                "s.yaml:2:1: name: unknown field 'name'; 'name' belongs in a job or "
                "an output"
            ),
            "s.yaml:4:22: peers.a.port: must be a TCP port, 1 to 65535, not 'x'",
            "s.yaml:5:3: 'a' stands here and at s.yaml:4:3; keep one of them",
            (
                "s.yaml:6:6: peers.b: the field 'port' is missing; a peer has host and "
                "port, or demo"
            ),
        ]

    def test_may_not_define_a_name_again(
        self, problems: Problems, write: Write
    ) -> None:
        write(
            "peers: {a: {host: a, port: 1}}\npeer_defaults: {}\nvars: {x: 1}", "s.yaml"
        )
        found = problems(
            "version: 1\nname: x\ninclude: s.yaml\nvars: {x: 1}\npeer_defaults: {}\n"
            f"peers: {{a: {{host: b, port: 2}}}}\n{QUERY}"
        )
        assert found == [
            "job.yaml:4:8: vars.x: 'x' stands here and at s.yaml:3:8; keep one of them",
            (
                "job.yaml:5:1: peer_defaults: peer_defaults stands here and at "
                "s.yaml:2:1; keep one of them"
            ),
            (
                "job.yaml:6:9: peers.a: 'a' stands here and at s.yaml:1:9; keep one of "
                "them"
            ),
        ]

    def test_that_are_missing_do_not_make_their_peers_unknown(
        self, problems: Problems
    ) -> None:
        query = "queries: {q: {model: worklist, peers: [a], keys: {PatientID: x}}}"
        job = f"version: 1\nname: x\ninclude: s.yaml\npeers: {{}}\n{query}"
        assert problems(job) == [
            "job.yaml:3:10: cannot read s.yaml: no such file or directory"
        ]

    def test_are_read_once(self, problems: Problems, write: Write) -> None:
        write("peers: {a: {host: a, port: 1}}\n", "s.yaml")
        found = problems(
            f"version: 1\nname: x\ninclude: [s.yaml, ./s.yaml, job.yaml]\n{QUERY}"
        )
        assert found == [
            "job.yaml:3:19: include: ./s.yaml is already read at job.yaml:3:11",
            "job.yaml:3:29: include: job.yaml is already read at job.yaml",
        ]

    def test_include_nothing_themselves(self, problems: Problems, write: Write) -> None:
        write("include: t.yaml\npeers: {a: {host: a, port: 1}}\n", "s.yaml")
        assert problems(f"version: 1\nname: x\ninclude: s.yaml\n{QUERY}") == [
            "s.yaml:1:1: include: unknown field 'include'; 'include' belongs in a job"
        ]

    def test_may_lie_elsewhere(self, load: Load, write: Write, tmp_path: Path) -> None:
        (tmp_path / "site").mkdir()
        write("peers: {a: {host: a, port: 1}}\n", "site/s.yaml")
        job = load(f"version: 1\nname: x\ninclude: site/s.yaml\n{QUERY}")
        assert job.includes[0][0] == tmp_path / "site" / "s.yaml"

    def test_that_are_broken_say_where(self, problems: Problems, write: Write) -> None:
        write("peers: *\n", "s.yaml")
        assert problems(f"version: 1\nname: x\ninclude: s.yaml\n{QUERY}") == [
            's.yaml:1:8: an unquoted * begins an alias in YAML; write "*" in quotes'
        ]


class TestAJob:
    def test_needs_peers(self, problems: Problems) -> None:
        assert problems(f"version: 1\nname: x\n{QUERY}") == [
            "job.yaml:1:1: peers: a job needs peers; write them here or include a file"
        ]
        assert problems(f"version: 1\nname: x\npeers: {{}}\n{QUERY}") == [
            "job.yaml:3:8: peers: a job needs at least one peer"
        ]

    def test_keeps_its_text_and_place(self, load: Load, with_peer: Job_) -> None:
        text = with_peer("host: h\nport: 1")
        job = load(text)
        assert job.text == text
        assert job.path.is_absolute()
        assert (job.version, job.name, job.timezone) == (1, "test", "UTC")


class TestResponseCap:
    KINDS = "response_cap: must be auto, none, an integer, 1 or more, or a mapping of"

    @pytest.mark.parametrize(
        ("cap", "problem"),
        [
            ("off", f"{KINDS} levels to integers, not 'off'"),
            ("foo", f"{KINDS} levels to integers, not 'foo'"),
            ("'50'", f"{KINDS} levels to integers, not '50'; remove the quotes"),
            ("true", f"{KINDS} levels to integers, not true"),
            ("1.5", f"{KINDS} levels to integers, not 1.5"),
            ("0", f"{KINDS} levels to integers, not 0"),
            ("[50]", f"{KINDS} levels to integers, not a list"),
            ("'{{ vars.x }}'", f"{KINDS} levels to integers, not '{{{{ vars.x }}}}'"),
            ("9999999999", "response_cap: must be at most 1000000000, not 9999999999"),
            (
                "{}",
                "response_cap: must be a mapping of levels to integers, and not empt",
            ),
            (
                "{SERIE: 5}",
                (
                    "response_cap.SERIE: 'SERIE' is not a level: PATIENT, STUDY,"
                    " SERIES or IMAGE (did you mean 'SERIES'?)"
                ),
            ),
            (
                "{STUDY: none}",
                (
                    "response_cap.STUDY: must be an integer, 1 or more (a level left"
                    " out is auto), not 'none'"
                ),
            ),
        ],
    )
    @pytest.mark.parametrize("defaults", [False, True])
    def test_names_the_level_and_the_value_that_are_wrong(
        self,
        problems: Callable[[str | bytes], list[str]],
        with_peer: Callable[[str], str],
        cap: str,
        problem: str,
        defaults: bool,
    ) -> None:
        limits = f"limits: {{response_cap: {cap}}}"
        text = with_peer(f"host: h\nport: 104\n{'' if defaults else limits}")
        place = "peers.pacs"
        if defaults:
            text += f"peer_defaults: {{{limits}}}\n"
            place = "peer_defaults"
        (found,) = problems(text)
        assert f": {place}.limits.{problem}" in found
