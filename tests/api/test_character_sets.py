"""Every character set of PS3.3 Section C.12.1.1.2, from a key to the outputs.

The expected bytes come from Python's codecs, which share no code with ours, behind
the escape sequences of PS3.3 Tables C.12-3 and C.12-4.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

import pytest

import batchfind
from tests.peers.scripted import ScriptedPeer
from tests.peers.steps import final, matches

CHARACTER_SET, DESCRIPTION = 0x00080005, 0x00081030

SINGLE_BYTE: Final = {
    "100": ("Öffner", "iso8859_1", b"-A"),
    "101": ("Łukasz", "iso8859_2", b"-B"),
    "109": ("Ġorġ Ħal", "iso8859_3", b"-C"),
    "110": ("Šķēle", "iso8859_4", b"-D"),
    "144": ("Люцидж", "iso8859_5", b"-L"),
    "127": ("قباني", "iso8859_6", b"-G"),
    "126": ("Διονυσιος", "iso8859_7", b"-F"),
    "138": ("שרון", "iso8859_8", b"-H"),
    "148": ("Çavuşoğlu", "iso8859_9", b"-M"),
    "203": ("Œuvre €", "iso8859_15", b"-b"),
    "166": ("สมชาย", "tis_620", b"-T"),
    "13": ("ﾔﾏﾀﾞ", "shift_jis", b")I"),
}
"""Text, codec, and escape sequence without ESC, by the number in the term."""


def cases() -> dict[str, tuple[str, bytes]]:
    """Text and its bytes by value of (0008,0005)."""
    found: dict[str, tuple[str, bytes]] = {
        "ISO 2022 IR 6": ("Miller", b"Miller"),
        r"\ISO 2022 IR 87": ("山田", "山田".encode("iso2022_jp")),
        r"\ISO 2022 IR 159": ("丂侄", "丂侄".encode("iso2022_jp_1")),
        r"\ISO 2022 IR 149": ("홍길동", b"\x1b$)C" + "홍길동".encode("euc_kr")),
        r"\ISO 2022 IR 58": ("小东", b"\x1b$)A" + "小东".encode("gb2312")),
        "ISO_IR 192": ("Müller 山田", "Müller 山田".encode()),
        "GB18030": ("王小东 𠮷", "王小东 𠮷".encode("gb18030")),
        "GBK": ("王小东", "王小东".encode("gbk")),
        r"ISO 2022 IR 13\ISO 2022 IR 87": (
            "ﾔﾏﾀﾞ山",
            "ﾔﾏﾀﾞ".encode("shift_jis") + b"\x1b$B;3\x1b(J",
        ),
    }
    for number, (text, codec, escape) in SINGLE_BYTE.items():
        raw = text.encode(codec)
        found[f"ISO_IR {number}"] = found[f"ISO 2022 IR {number}"] = text, raw
        # The texts begin beyond ASCII, where the escape sequence is needed first.
        found[rf"\ISO 2022 IR {number}"] = text, b"\x1b" + escape + raw
    return found


CASES: Final = cases()
NAMES: Final = {f"q{number}": terms for number, terms in enumerate(CASES)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("character-sets")


@pytest.fixture(scope="module")
def sent(folder: Path) -> dict[str, dict[int, bytes]]:
    """Value fields of each request by query; a peer has echoed all of them."""
    with ScriptedPeer(matches(1), final()) as peer:
        job = {
            "version": 1,
            "name": "charsets",
            "peers": {
                name: {
                    "host": "127.0.0.1",
                    "port": peer.port,
                    "charset": {"request": [terms]},
                    "limits": {"associations": 1},
                }
                for name, terms in NAMES.items()
            },
            "queries": {
                name: {
                    "model": "study",
                    "level": "STUDY",
                    "peers": [name],
                    "lint": "lenient",
                    "keys": {
                        "StudyDescription": CASES[terms][0],
                        "StudyInstanceUID": f"1.2.{name.removeprefix('q')}",
                    },
                }
                for name, terms in NAMES.items()
            },
            "outputs": [
                {"format": "csv", "path": "{{ query }}.csv"},
                {"format": "jsonl", "path": "{{ query }}.jsonl"},
                {"format": "xml", "path": "{{ query }}.xml"},
                {"format": "xml", "path": "{{ query }}.native", "dialect": "native"},
            ],
        }
        path = folder / "job.yaml"
        path.write_text(json.dumps(job, ensure_ascii=False), "utf-8")
        assert batchfind.run(path).exit_code == 0
    found = {}
    for request in peer.seen.requests:
        values = {element.tag: element.value for element in request.elements}
        found["q" + values[0x0020000D].decode().strip("\0").split(".")[2]] = values
    return found


@pytest.mark.parametrize("name", NAMES, ids=NAMES.values())
class TestATerm:
    def test_is_sent_with_the_text_in_it(
        self, name: str, sent: dict[str, dict[int, bytes]]
    ) -> None:
        text, raw = CASES[NAMES[name]]
        assert sent[name][DESCRIPTION].rstrip(b" ") == raw
        declared = sent[name].get(CHARACTER_SET, b"").decode().rstrip(" ")
        assert declared == ("" if text.isascii() else NAMES[name])

    @pytest.mark.usefixtures("sent")
    def test_is_read_in_a_table(self, name: str, folder: Path) -> None:
        with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            (row,) = csv.DictReader(file)
        assert row["StudyDescription"] == CASES[NAMES[name]][0]

    @pytest.mark.usefixtures("sent")
    def test_is_read_in_json(self, name: str, folder: Path) -> None:
        response = json.loads((folder / f"{name}.jsonl").read_text("utf-8"))
        assert response["00081030"]["Value"] == [CASES[NAMES[name]][0]]

    @pytest.mark.usefixtures("sent")
    @pytest.mark.parametrize("kind", ["xml", "native"])
    def test_is_read_in_xml(self, name: str, folder: Path, kind: str) -> None:
        root = ET.parse(folder / f"{name}.{kind}").getroot()  # noqa: S314 - our own
        assert CASES[NAMES[name]][0] in {
            (one.text or "").strip() for one in root.iter()
        }


def test_a_response_that_declares_another_set_than_it_uses_is_kept(
    scripted_peer: Callable[..., ScriptedPeer], tmp_path: Path
) -> None:
    raw = b"\x08\0\x05\0CS\x10\0\\ISO 2022 IR 87 \x08\0\x30\x10LO\x06\0\x1b$B;3\xff"
    peer = scripted_peer(matches(1, build=lambda *_: raw), final())
    (tmp_path / "job.yaml").write_text(
        f"""
version: 1
name: kept
peers: {{a: {{host: 127.0.0.1, port: {peer.port}}}}}
queries: {{q: {{model: study, level: STUDY, return: [StudyInstanceUID]}}}}
outputs: [{{format: xml, path: out.xml, publish: always}}]
""",
        "utf-8",
    )
    batchfind.run(tmp_path / "job.yaml")
    root = ET.parse(tmp_path / "out.xml").getroot()  # noqa: S314 - our own
    assert [one.tag for one in root] == ["data-set"]
