"""Secrets: references in a job, and plain ones that no copy and no message holds."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeAlias

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import batchfind
from batchfind.errors import JobError
from batchfind.job.loader import load_job
from batchfind.job.nodes import MappingNode, Node, ScalarNode, SequenceNode
from batchfind.job.report import Report
from batchfind.job.secret import REDACTED, redacted
from batchfind.job.transport_model import Secret, SecretKind
from batchfind.job.yaml_nodes import parse

Problems: TypeAlias = Callable[[str | bytes], list[str]]

PLAIN = "hunter2-Geheim"
REFUSED = (
    "a secret does not stand in a job; write {env: NAME}, {file: PATH}, prompt or "
    "empty, or allow it with --allow-plain-secrets"
)


class Write(Protocol):
    def __call__(self, text: str | bytes, name: str = "job.yaml") -> Path: ...


def with_password(value: str) -> str:
    """A job with this password at line 7, column 17."""
    return (
        "version: 1\nname: x\npeers:\n  p: {host: h, port: 1, tls: t}\ntls:\n  t:\n"
        f"    password: {value}\n    key: k\n    certificate: c\n"
        "queries: {q: {model: worklist, keys: {PatientID: x}}}\n"
    )


def password(path: Path) -> Secret | None:
    tls = load_job(path).peers["p"].tls
    assert tls is not None
    return tls.password


class TestAReference:
    @pytest.mark.parametrize(
        ("written", "secret"),
        [
            ("{env: KEY_PASSWORD}", Secret(SecretKind.ENV, "KEY_PASSWORD")),
            ("prompt", Secret(SecretKind.PROMPT)),
            ('"prompt"', Secret(SecretKind.PROMPT)),
            ("empty", Secret(SecretKind.EMPTY)),
        ],
    )
    def test_is_kept(self, write: Write, written: str, secret: Secret) -> None:
        assert password(write(with_password(written))) == secret

    def test_to_a_file_is_relative_to_where_it_stands(self, write: Write) -> None:
        found = password(write(with_password("{file: secrets/key}")))
        assert found == Secret(SecretKind.FILE, str(Path.cwd() / "secrets/key"))

    @pytest.mark.parametrize(
        ("written", "problem"),
        [
            (
                "{env: A, file: b}",
                ("this is no secret; write {env: NAME}, {file: PATH}, prompt or empty"),
            ),
            (
                f"{{{PLAIN}}}",
                ("this is no secret; write {env: NAME}, {file: PATH}, prompt or empty"),
            ),
            (
                f"{{value: {PLAIN}}}",
                ("this is no secret; write {env: NAME}, {file: PATH}, prompt or empty"),
            ),
            (
                f"[{PLAIN}]",
                ("this is no secret; write {env: NAME}, {file: PATH}, prompt or empty"),
            ),
            (
                f"{{env: {PLAIN}}}",
                (
                    "env takes the name of an environment variable: letters, digits "
                    "and '_'"
                ),
            ),
            ("{file: }", "file takes the path of a file"),
            ("{env: [A]}", None),
            (
                '""',
                (
                    "there is no secret here; write {env: NAME}, {file: PATH}, prompt "
                    "or empty"
                ),
            ),
            (
                "",
                (
                    "there is no secret here; write {env: NAME}, {file: PATH}, prompt "
                    "or empty"
                ),
            ),
            (
                "'{{ env(\"A\") }}'",
                (
                    "a secret is no template; write {env: NAME}, {file: PATH}, prompt "
                    "or empty"
                ),
            ),
            (
                f'"{REDACTED}"',
                (
                    "the secret was left out of this copy of the job; write {env: "
                    "NAME}, {file: PATH}, prompt or empty"
                ),
            ),
        ],
    )
    def test_is_exactly_one_of_four(
        self, write: Write, written: str, problem: str | None
    ) -> None:
        path = write(with_password(written))
        for allowed in (False, True):
            with pytest.raises(JobError) as caught:
                load_job(path, plain_secrets=allowed)
            (found,) = caught.value.problems
            assert (found.path, found.mark.line) == ("tls.t.password", 7)
            assert problem is None or found.message == problem
            assert PLAIN not in str(found)


PLACES = {
    "tls": with_password(PLAIN),
    "peer's tls": (
        "version: 1\nname: x\npeers: {p: {host: h, port: 1, tls: {key: k, "
        f"certificate: c, password: {PLAIN}}}}}}}\n"
    ),
    "identity": (
        "version: 1\nname: x\npeers: {p: {host: h, port: 1, user_identity: {type: "
        f"username-password, username: u, insecure_ok: true, password: {PLAIN}}}}}}}\n"
    ),
    "token": (
        "version: 1\nname: x\npeers: {p: {host: h, port: 1, user_identity: {type: "
        f"jwt, insecure_ok: true, token: {PLAIN}}}}}}}\n"
    ),
    "defaults": (
        "version: 1\nname: x\npeers: {p: {host: h, port: 1}}\n"
        "peer_defaults: {user_identity: {type: username-password, username: u, "
        f"insecure_ok: true, password: {PLAIN}}}}}\n"
    ),
    "unused defaults": (
        "version: 1\nname: x\npeers: {p: {host: h, port: 1, tls: off}}\n"
        f"peer_defaults: {{tls: {{key: k, certificate: c, password: {PLAIN}}}}}\n"
    ),
}
QUERY = "queries: {q: {model: worklist, keys: {PatientID: x}}}\n"


@pytest.mark.parametrize("head", PLACES.values(), ids=PLACES)
class TestAPlainSecret:
    def text(self, head: str) -> str:
        return head if "queries" in head else head + QUERY

    def test_is_refused(self, problems: Problems, head: str) -> None:
        (problem,) = problems(self.text(head))
        assert problem.endswith(f": {REFUSED}")
        assert PLAIN not in problem

    def test_is_read_when_it_is_allowed(self, write: Write, head: str) -> None:
        peer = load_job(write(self.text(head)), plain_secrets=True).peers["p"]
        secrets = []
        if peer.tls:
            secrets.append(peer.tls.password)
        if peer.identity:
            secrets += [peer.identity.password, peer.identity.token]
        found = [one for one in secrets if one]
        assert found in ([], [Secret(SecretKind.PLAIN, plain=PLAIN)])
        assert found or "tls: off" in head

    def test_is_in_no_copy_of_the_job(self, write: Write, head: str) -> None:
        text = self.text(head)
        job = batchfind.load_job(write(text), allow_plain_secrets=True)
        assert job.model.text == text.replace(PLAIN, f'"{REDACTED}"')
        assert PLAIN not in repr(job)


class TestSecretsOfIncludedFiles:
    SITE = f"tls: {{t: {{key: k, certificate: c, password: {PLAIN}}}}}\n"
    JOB = (
        "version: 1\nname: x\ninclude: site.yaml\n"
        f"peers: {{p: {{host: h, port: 1, tls: t}}}}\n{QUERY}"
    )

    def test_are_refused_in_their_file(self, write: Write, problems: Problems) -> None:
        write(self.SITE, "site.yaml")
        assert problems(self.JOB) == [f"site.yaml:1:45: tls.t.password: {REFUSED}"]

    def test_are_in_no_copy(self, write: Write) -> None:
        write(self.SITE, "site.yaml")
        job = load_job(write(self.JOB), plain_secrets=True)
        assert job.text == self.JOB
        ((_, text),) = job.includes
        assert text == self.SITE.replace(PLAIN, f'"{REDACTED}"')


class TestMessages:
    """What YAML cannot read is told without showing it."""

    @pytest.mark.parametrize(
        "written",
        [
            f"#{PLAIN}",
            f"*{PLAIN}",
            f"!{PLAIN} x",
            f"{PLAIN}: {PLAIN}",
            f"|{PLAIN}",
            f"%{PLAIN}",
            f"'{PLAIN}",
            f'"{PLAIN}" {PLAIN}',
            f"{{{{ {PLAIN} }}}}",
            f"@{PLAIN}",
            f"[{PLAIN}",
            f"{{(0010,0020): {PLAIN}}}",
            f"\x07{PLAIN}",
        ],
    )
    def test_show_no_part_of_it(self, write: Write, written: str) -> None:
        path = write(with_password(written))
        for allowed in (False, True):
            with pytest.raises(JobError) as caught:
                load_job(path, plain_secrets=allowed)
            shown = "".join(traceback.format_exception(caught.value))
            assert "hunter" not in shown
            assert "Geheim" not in shown

    def test_about_other_things_stay(self, problems: Problems) -> None:
        (problem,) = problems(
            with_password("{env: A}").replace("    key", "    password: x\n    key")
        )
        assert "'password' stands here and at job.yaml:7:5" in problem


class TestRedaction:
    """Only the scalar itself is replaced, whatever its style."""

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ("a: x  # note\n", 'a: "<redacted>"  # note\n'),
            ("a: 'x y'\r\nb: 1\r\n", 'a: "<redacted>"\r\nb: 1\r\n'),
            ("a: |\n  x\n  y\n\nb: 1\n", 'a: "<redacted>"\n\nb: 1\n'),
            ("a: >-\n    x\n   \n# c\nb: 1\n", None),
            ("a: &p x\nb: *p\n", 'a: &p "<redacted>"\nb: *p\n'),
            ('a: !!str "x"\n', 'a: !!str "<redacted>"\n'),
            ("{a: x, b: [x]}\n", '{a: "<redacted>", b: [x]}\n'),
            ("z: ä山\na: x\nb: x", 'z: ä山\na: "<redacted>"\nb: x'),
            ("a: x\n  y\nb: 1\n", 'a: "<redacted>"\nb: 1\n'),
            ('a: "x\n\n  y"\n', 'a: "<redacted>"\n'),
        ],
    )
    def test_keeps_all_else(self, before: str, after: str | None) -> None:
        root = _root(before)
        node = root.get("a")
        assert isinstance(node, ScalarNode)
        found = redacted(before, [node])
        assert after is None or found == after
        assert yaml.safe_load(found)["a"] == REDACTED

    @settings(deadline=None, max_examples=75)
    @given(st.data())
    def test_of_any_scalars_of_any_document(self, data: st.DataObject) -> None:
        value = st.recursive(
            st.text("abäx:#'\"\n -", max_size=8),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.text("klm", min_size=1), inner, max_size=3)
            ),
            max_leaves=8,
        )
        tree = data.draw(st.dictionaries(st.text("klm", min_size=1), value, min_size=1))
        style = data.draw(st.sampled_from([None, '"', "'", "|", ">"]))
        text = yaml.safe_dump(tree, allow_unicode=True, default_style=style)
        nodes = _values(_root(text))
        if not nodes:
            return
        chosen = data.draw(st.lists(st.sampled_from(nodes), unique_by=id))
        marks = {node.mark for node in chosen}
        expected = [REDACTED if node.mark in marks else node.text for node in nodes]
        after = _root(redacted(text, chosen))
        assert [node.text for node in _values(after)] == expected


def _root(text: str) -> MappingNode:
    root = parse(text, "x.yaml", Report())
    assert isinstance(root, MappingNode)
    return root


def _values(node: Node) -> list[ScalarNode]:
    match node:
        case ScalarNode():
            return [node]
        case SequenceNode():
            return [one for item in node.items for one in _values(item)]
        case _:
            return [one for entry in node.entries for one in _values(entry.value)]
