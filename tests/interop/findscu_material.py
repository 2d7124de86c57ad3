"""The files that command lines of the matrix name, below `in/`."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.peers.pki import TRADITIONAL, Identity, Pki, rsa_key
from tests.peers.processes import require
from tests.peers.real import DUMP2DCM, EXAMPLES

DCMCONV = "/usr/bin/dcmconv"
OPENSSL = "/usr/bin/openssl"
QUERIES = "/usr/share/doc/dcmtk/examples/wlistqry"
PASSWORD = "opensesame"  # noqa: S105 - of a key made for the test

STUDIES = """\
(0008,0005) CS [ISO_IR 100]
(0008,0020) DA [19950101-20051231]
(0008,0052) CS [STUDY]
(0008,0061) CS
(0010,0010) PN
(0010,0020) LO
(0020,000d) UI
(0020,0010) SH
"""
NESTED = """\
(0008,0000) UL 10
(0010,0010) PN [*]
(0010,0020) LO [ ]
(0040,0100) SQ
(fffe,e000) -
(0008,0060) CS [MR]
(0040,0002) DA [19950101-19991231]
(0040,0007) LO
(fffe,e00d) -
(fffe,e0dd) -
"""
PRIVATE = """\
(0008,0052) CS [STUDY]
(0009,0010) LO [ACME 1.1]
(0009,1001) UN 01\\02\\03\\04
(0009,1002) LO [private text]
(0020,000d) UI
(0028,0009) AT (0018,1063)
(0028,0010) US 512
(0018,9087) FD 1.5
"""
LOGGER = """\
log4cplus.rootLogger = {level}, console
log4cplus.appender.console = log4cplus::ConsoleAppender
log4cplus.appender.console.logToStdErr = 1
log4cplus.appender.console.ImmediateFlush = 1
log4cplus.appender.console.layout = log4cplus::PatternLayout
log4cplus.appender.console.layout.ConversionPattern = %P: %m%n
"""
TEXTS = {
    "args.txt": '-k "PatientName=BEETHOVEN^LUDWIG VAN*"\n\t-k PatientID -v\n',
    "more.txt": "-k 'PatientSex=M' -k \"0040,0100[0].Modality\"",
    "info.cfg": LOGGER.format(level="INFO"),
    "warn.cfg": LOGGER.format(level="WARN"),
    "quiet-responses.cfg": LOGGER.format(level="INFO")
    + "log4cplus.logger.dcmtk.dcmnet.responses = OFF\n",
    "empty.dcm": "",
    "text.dcm": "this is no data set at all, however long it may be",
    "random.bin": "0123456789" * 100,
}


NAMES = {
    "": "Müller^Jörg".encode("latin-1"),
    "ISO_IR 100": "Müller^Jörg".encode("latin-1"),
    "ISO_IR 144": b"\xbb\xee\xda",
    "ISO_IR 192": "Wang^XiaoDong=王^小东".encode(),
    "GB18030": "Wang^XiaoDong=王^小东".encode("gb18030"),
    "ISO_IR 13": "ﾔﾏﾀﾞ^ﾀﾛｳ".encode("shift_jis"),
    "\\ISO 2022 IR 87": b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B",
    "\\ISO 2022 IR 149": b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7",
}
"""Character sets, as (0008,0005) names them, and a name in each."""


def write_names(folder: Path) -> None:
    """Dumps of a worklist with a step for each character set."""
    example = Path(EXAMPLES, "wklist1.dump").read_bytes()
    for number, (charset, name) in enumerate(NAMES.items()):
        head = b"(0008,0005) CS [" + charset.encode() + b"]" if charset else b""
        dump = example.replace(b"(0008,0005) CS  [ISO_IR 100]", head)
        dump = dump.replace(b"VIVALDI^ANTONIO", b"[" + name + b"]")
        patient = "DECLARED" if charset else "NOTDECLARED"
        dump = dump.replace(b"AV35674", patient.encode())
        (folder / f"{number}.dump").write_bytes(dump)


def write_material(folder: Path, pki: Pki) -> None:
    """Query files, argument files, logging files, keys and certificates."""
    require(DUMP2DCM, DCMCONV, OPENSSL, QUERIES)
    for name, text in TEXTS.items():
        (folder / name).write_text(text, "utf-8")
    _queries(folder)
    _keys(folder, pki)
    _trust(folder, pki)


def _queries(folder: Path) -> None:
    dumps = {f"wl{number}": f"wlistqry{number}.dump" for number in range(13)}
    for name, dump in dumps.items():
        _tool(DUMP2DCM, "-q", Path(QUERIES, dump), folder / f"{name}.dcm")
    texts = {"studies": STUDIES, "nested": NESTED, "private": PRIVATE}
    for name, text in texts.items():
        source = folder / f"{name}.dump"
        source.write_text(text, "latin-1")
        _tool(DUMP2DCM, "-q", source, folder / f"{name}.dcm")
    for syntax in ("te", "ti", "tb", "td"):
        target = folder / f"nested-{syntax}.dcm"
        _tool(DCMCONV, f"+{syntax}", folder / "nested.dcm", target)
    for syntax in ("te", "ti", "tb"):
        target = folder / f"nested-{syntax}.raw"
        _tool(DCMCONV, "-F", f"+{syntax}", folder / "nested.dcm", target)


def _keys(folder: Path, pki: Pki) -> None:
    user = pki.authority.issue("findscu", (), key=rsa_key())
    locked = user.key_pem(PASSWORD.encode(), TRADITIONAL)
    files = {
        "own.crt": user.pem,
        "own.key": user.key_pem(),
        "locked.key": locked,
        "own.crt.der": user.der,
        "own.key.der": user.key_der(form=TRADITIONAL),
        "other.key": pki.user.key_pem(),
        "strange.crt": _stranger(pki).pem,
        "strange.key": _stranger(pki).key_pem(),
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)


def _stranger(pki: Pki) -> Identity:
    return pki.stranger.identity


def _trust(folder: Path, pki: Pki) -> None:
    files = {
        "ca.pem": pki.authority.pem,
        "ca.der": pki.authority.der,
        "strange.pem": pki.stranger.pem,
        "good.crl": pki.authority.crl_pem(),
        "good.crl.der": pki.authority.crl_der(),
        "revoked.crl": pki.authority.crl_pem(pki.peer),
        "plain/ca.pem": pki.authority.pem,
        "hashed/ca.pem": pki.authority.pem,
    }
    for name, data in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
    _tool(OPENSSL, "rehash", folder / "hashed")


def _tool(tool: str, *arguments: str | Path) -> None:
    subprocess.run([tool, *arguments], check=True, capture_output=True, timeout=30)
