"""What is fuzzed: each harness with the material that is damaged for it.

A harness returns for every input, whatever it is: a value, or an exception that its
function documents and it expects. Anything else it lets out is a finding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from tests.fuzz import certificates, identifiers, texts, wire

CORPUS: Final = Path(__file__).parent / "corpus"
_SEQUENCE_TOKENS: Final = (
    b"\xfe\xff\x00\xe0\xff\xff\xff\xff",
    b"\xfe\xff\x0d\xe0\x00\x00\x00\x00",
    b"\xfe\xff\xdd\xe0\x00\x00\x00\x00",
    b"\x40\x00\x00\x01SQ\x00\x00\xff\xff\xff\xff",
    b"\x29\x00\x10\x10UN\x00\x00\xff\xff\xff\xff",
    b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 192",
    b"\x1b$B",
    b"\x00\x1f",
)
_YAML_TOKENS: Final = (
    b"*a ", b"&a ", b"<<: ", b"!!python/object ", b"{{ ", b" }}", b"{", b"[", b"- ",
    b"|\n", b"? ", b": ", b"\n  ", b"---\n", b'"', b"'", b"\t", b"#", b"\xff",
    b"\\x1b", b"null", b"9999999999", b"{env: HOME}", b"prompt", b"for_each: worklist",
    b"split: auto", b"rows: ", b"tls: ", b"password: ", b"include: [job.yaml]",
    b"/dev/full", b"{{ query }}", b"any_of: ", b"unique: ", b"publish: always",
)  # fmt: skip
_JSON_TOKENS: Final = (
    b"null", b"true", b"[]", b"{}", b'""', b"1e999", b"-1", b"NaN", b"\\ud800", b'"',
    b"[[[[[[[[", b"9" * 5000, b'"\\u0000"', b"1.5", b'"sq":',
)  # fmt: skip
_TEMPLATE_TOKENS: Final = (
    b"__class__", b".", b"[0]", b"()", b"|", b"upper", b"attr", b"9" * 30, b"*", b"**",
    b"{% for x in y %}", b"{% set x = 1 %}", b"{{", b"}}", b"{#", b"'", b"-", b"days",
    b"(" * 60, b"%}", b"if ", b"~", b"env(", b"vars", b"loop", b"\x00",
)  # fmt: skip
_PATH_TOKENS: Final = (
    b".", b"[0]", b"[999999999]", b'"', b",", b"(", b")", b"0040,0100", b"xx", b"\xff",
    b"PatientID", b"=", b"\\", b"*", b"\n", b"7fe0,0010", b"0002,0010", b"fffe,e000",
)  # fmt: skip
_XML_TOKENS: Final = (
    b"<!DOCTYPE x [<!ENTITY a 'b'>]>", b"<!DOCTYPE x [<!ATTLIST element a CDATA 'b'>]>",
    b"&a;", b"9" * 5000, b"\n" * 60, b"#\n" * 60,
    b"<element", b"</", b"<![CDATA[", b"/>",
    b'vr="SQ"', b'tag="', b"<Item number='9'>", b"]", b"[", b"(fffe,e000) na\n",
    b'{"vr": "SQ", "Value": [', b"#", b'"BulkDataURI"', b"\\",
)  # fmt: skip
_DER_TOKENS: Final = (
    b"\x30\x84\xff\xff\xff\xff", b"\x30\x80", b"\x02\x01\x00", b"-----BEGIN ", b"=",
    b"-----BEGIN A-----" * 1000,
)  # fmt: skip


@dataclass(frozen=True)
class Target:
    """One decoder or reader.

    Attributes:
        harness: takes any bytes.
        made: valid material, made anew each time and always the same.
        tokens: words of its format.
        runs: cases made in each run of the tests.
    """

    name: str
    harness: Callable[[bytes], None]
    made: Callable[[], Sequence[bytes]]
    tokens: Sequence[bytes] = ()
    runs: int = 1000

    @cached_property
    def kept(self) -> dict[str, bytes]:
        """Cases found once, and seeds that only OpenSSL can make, by file name."""
        folder = CORPUS / self.name
        return {
            path.name: path.read_bytes()
            for path in sorted(folder.glob("*"))
            if path.is_file()
        }

    @cached_property
    def seeds(self) -> tuple[bytes, ...]:
        """All there is to damage."""
        return tuple(dict.fromkeys((*self.made(), *self.kept.values())))


_ALL: Final = (
    Target("upper_layer", wire.upper_layer, wire.stream_seeds, runs=700),
    Target("command_set", wire.command_set, wire.command_seeds, runs=2500),
    Target("messages", wire.messages, wire.message_seeds, runs=1500),
    Target(
        "identifier", identifiers.alone, identifiers.seeds, _SEQUENCE_TOKENS, runs=2500
    ),
    Target(
        "columnar", identifiers.together, identifiers.seeds, _SEQUENCE_TOKENS, runs=800
    ),
    Target(
        "written", identifiers.written, identifiers.seeds, _SEQUENCE_TOKENS, runs=250
    ),
    Target("capture", identifiers.captured, identifiers.capture_seeds, runs=4000),
    Target("yaml", texts.yaml, texts.job_seeds, _YAML_TOKENS, runs=500),
    Target("job", texts.job, texts.job_seeds, _YAML_TOKENS, runs=350),
    Target("plan", texts.plan_json, texts.plan_seeds, _JSON_TOKENS, runs=1500),
    Target("key_path", texts.key_path, texts.path_seeds, _PATH_TOKENS, runs=200),
    Target("findscu_key", texts.findscu_key, texts.key_seeds, _PATH_TOKENS, runs=1500),
    Target(
        "template", texts.template, texts.template_seeds, _TEMPLATE_TOKENS, runs=1500
    ),
    Target(
        "rows",
        texts.rows,
        texts.row_seeds,
        (b'"', b";", b"\r", b"\0", b"\xff"),
        runs=800,
    ),
    Target(
        "identifier_file",
        texts.identifier_file,
        texts.identifier_seeds,
        _XML_TOKENS,
        runs=500,
    ),
    Target("x509", certificates.x509, certificates.x509_seeds, _DER_TOKENS, runs=4000),
    Target(
        "material",
        certificates.material,
        certificates.material_seeds,
        _DER_TOKENS,
        runs=3000,
    ),
)
TARGETS: Final = {target.name: target for target in _ALL}
