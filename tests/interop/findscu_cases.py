"""The command lines of the matrix, and where the two programs differ on purpose.

Peer, port and `-aec` stand before the words of each; `in/` holds what
`findscu_material` writes, `out/` is an empty folder, and `%FC` is that byte.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum


class Differs(Enum):
    """Why an outcome is not the same; each is asserted where it is named."""

    EXIT_CODE = "ours ends with 1, as the answer failed, is partial or not written"
    REFUSED = "keys in groups 0000 and 0002 are refused"
    WORDS = "our own sentence, where findscu's is about its parser or about OpenSSL"
    EARLY = "what cannot work is refused before connecting, with exit code 1"
    TRUST = "we connect, where this release of findscu cannot make use of a file"
    LOG_FILE = "of a logger.cfg only levels count"
    CHARACTERS = "findscu drops responses, or writes XML that is wrong or none"
    RELEASE = "without a context we release the association, findscu only closes"
    NAMES = "names of private attributes are those of DCMDICTPATH alone"
    LENGTHS = "we show the length of a file's sequence with the keys that are in it"


class Saved(Enum):
    """What becomes of `--save-job`."""

    SAME = "the job validates, runs, and asks and brings the same"
    REFUSED = "no valid job asks this"
    ENDING = "prints something and ends; there is nothing to save"
    CANCELLED = "--save-job names --cancel: the job keeps no response after C-CANCEL"
    KEY_CHARSET = "--save-job names --key: text goes out in the declared character set"
    REPEATS = "the requests of one job may differ in order"


@dataclass(frozen=True, slots=True)
class Case:
    """One command line.

    Attributes:
        name: of the case, unique.
        peer: name of the seats.
        words: the command line without peer, port and `-aec`.
        differs: in what.
        saved: what becomes of `--save-job`.
        held: final response kept back until C-CANCEL; 0 for none.
        dictionary: DCMDICTPATH names DCMTK's dictionary.
    """

    name: str
    peer: str
    words: tuple[str, ...]
    differs: frozenset[Differs] = frozenset()
    saved: Saved = Saved.SAME
    held: int = 0
    dictionary: bool = False

    def uses(self, *names: str) -> bool:
        """Whether one of these options is on the command line."""
        return not {*names}.isdisjoint(self.words)


def _cases() -> Iterator[Case]:
    for peer, table in TABLES.items():
        for line in filter(str.strip, table.splitlines()):
            match = _LINE.fullmatch(line)
            assert match is not None, line
            name, words, notes = match[1], shlex.split(match[2]), match[3] or ""
            yield _case(name, peer, tuple(words), notes.split())


_LINE = re.compile(r"([a-z0-9.-]+): (.*?)(?: +!! (.*))?")


def _case(name: str, peer: str, words: tuple[str, ...], notes: list[str]) -> Case:
    values = dict(note.split("=") for note in notes if "=" in note)
    return Case(
        name,
        peer,
        tuple(word.replace("%FC", "\udcfc") for word in words),
        frozenset(Differs[note] for note in notes if note in Differs.__members__),
        Saved[values.get("job", "SAME")],
        held=int(values.get("held", 0)),
        dictionary="dictionary" in notes,
    )


WORKLIST = r"""
help: --help !! job=ENDING
help-short: -h !! job=ENDING
version: --version !! job=ENDING
ciphers: +cc !! job=ENDING
arguments: -k PatientName --arguments
arguments-spelt-out: -k PatientName --arguments -q -W -aet ME -od out -Xs a.xml
quiet: -k PatientName -q
quiet-but-shown: -k PatientName -q +sr
verbose: -k PatientName -k PatientID -v
verbose-but-hidden: -k PatientName -v -sr
debug: -k PatientName -k PatientID -d
debug-with-files: -k PatientName -d -Xx -od out
debug-in-full: -k PatientName -d +sr -X
level-fatal: -k PatientName -ll fatal
level-error: -k PatientName -ll error
level-warn: -k PatientName -ll warn
level-info: -k PatientName -ll INFO
level-debug: -k PatientName -ll Debug
level-trace: -k PatientName -ll trace
log-config-info: -k PatientName -lc in/info.cfg
log-config-warn: -k PatientName -lc in/warn.cfg
log-config-warn-shown: -k PatientName -lc in/warn.cfg +sr
log-config-no-responses: -k PatientName -lc in/quiet-responses.cfg
log-config-of-dcmtk: -k PatientName -lc /etc/dcmtk/logger.cfg -X !! LOG_FILE

key-keyword: -k PatientName -k PatientID
key-tag: -k 0010,0010 -k (0010,0020) -k 10,30 -v
key-values: -k PatientName=MOZART* -k PatientBirthDate= -k PatientSex=M
key-later-counts: -k PatientName=NOBODY -k PatientName=VIVALDI* -v
key-with-equals: -k PatientName -k RequestedProcedureDescription=A=B -v
key-quoted: -k "PatientName=BEETHOVEN^LUDWIG^VAN" -k 'MedicalAlerts= x y ' -v
key-empty: -k PatientName -k ""
key-range: -k PatientName -k 0040,0100[0].0040,0002=19950101-19961231
key-list: -k PatientName -k ScheduledProcedureStepSequence[0].Modality=MR\\CT !! EXIT_CODE
key-sequence: -k PatientName -k ScheduledProcedureStepSequence -v
key-item: -k PatientName -k (0040,0100)[0] -v
key-in-item: -k PatientName -k 0040,0100[0].Modality=MR -v
key-in-item-of-item: -k PatientName -k 0040,0100[0].0040,0008[0].0008,0100 -v
key-with-any-separator: -k PatientName -k (0040,0100)[0]xModality=MR
key-in-second-item: -k PatientName -k 0040,0100[1].Modality=MR -v !! EXIT_CODE
key-numbers: -k PatientName -k 0028,0010=512 -k 0018,9087=1.5 -v
key-attribute-tag: -k PatientName -k 0028,0009=(0018,1063)\\(10,20) -v
key-unknown: -k PatientName -k 0019,1010=01\\0a -v
key-private: -k "0009,0010=ACME 1.1" -k 0009,1001=ff -k PatientName -v
key-private-known: -k "0019,0010=SIEMENS CT VA0  COAD" -k 0019,1050=1 -v !! EXIT_CODE NAMES
key-private-in-dictionary: -k "0019,0010=SIEMENS CT VA0  COAD" -k 0019,1050=1 -v !! EXIT_CODE dictionary
key-utf-8: -k "SpecificCharacterSet=ISO_IR 192" -k PatientName=Müller* -v !! job=KEY_CHARSET
key-nonsense: -k StudyDate=garbage -k PatientName -k Modality=TOOLONGFORANYCODESTRING !! EXIT_CODE
key-command: -k 0000,0900=1 -k PatientName !! REFUSED job=REFUSED
key-meta: -k 0002,0010=1.2 -k PatientName !! REFUSED job=REFUSED
key-bad-keyword: -k Nonsense=1 -v !! EXIT_CODE job=REFUSED
key-bad-number: -k PatientName -k 0028,0010=x !! EXIT_CODE job=REFUSED
key-bad-path: -k 0040,0100.Modality=CT !! EXIT_CODE job=REFUSED
key-bad-wildcard: -k 0040,0100[*].Modality=CT !! EXIT_CODE job=REFUSED
key-bad-hex: -k 0019,1010=text !! EXIT_CODE job=REFUSED
key-none: -v !! job=REFUSED

worklist: -W -k PatientName -k AccessionNumber
worklist-long: --worklist --key PatientName --key AccessionNumber
model-refused: -P -k PatientName -v
title-ours: -k PatientName -aet STATION_7
title-peer: -k PatientName -aec OFFIS
title-long: -k PatientName -aet ABCDEFGHIJKLMNOPQRST
title-unknown: -k PatientName -aec NOBODY -v
title-empty: -k PatientName -aet "" !! job=REFUSED
title-peer-empty: -k PatientName -aec "" !! job=REFUSED
new-vr: -k PatientName -k 0019,1010=01\\0a +u -v
no-new-vr: -k PatientName -k 0019,1010=01\\0a -u -v
propose-local: -k PatientName -k 0040,0100[0].Modality -x= -X
propose-little: -k PatientName -k 0040,0100[0].Modality -xe -X
propose-big: -k PatientName -k 0040,0100[0].Modality -xb -X -v
propose-deflated: -k PatientName -k 0040,0100[0].Modality -xd -X
propose-implicit: -k PatientName -k 0040,0100[0].Modality -xi -X -v
propose-rightmost: -k PatientName -xi -xb -x=
deflate-none: -k PatientName -xd +cl 0
deflate-most: -k PatientName -xd +cl 9 -X
timeout-connect: -k PatientName -to 5
timeout-socket: -k PatientName -ts 5
timeout-socket-none: -k PatientName -ts 0
timeout-acse: -k PatientName -ta 5
timeout-dimse: -k PatientName -td 5
timeouts: -k PatientName -to 4 -ts 5 -ta 6 -td 7 -d
pdu-smallest: -k PatientName -k 0040,0100[0] -pdu 4096
pdu-largest: -k PatientName -pdu 131072 -v
repeat: -k PatientName --repeat 3
repeat-verbose: -k PatientName=V* -k 0040,0100[0].Modality --repeat 2 -v
repeat-with-files: -k PatientName=V* --repeat 3 -X
abort: -k PatientName --abort -v
cancel: -k PatientName --cancel 3 -v !! held=1 job=CANCELLED
cancel-with-files: -k PatientName --cancel 3 -X !! held=1 job=CANCELLED
cancel-second-request: -k PatientName --repeat 3 --cancel 13 -v !! held=2 job=CANCELLED
cancel-never: -k PatientName --cancel 0 -v

file: in/wl1.dcm
files: in/wl0.dcm in/wl2.dcm in/wl3.dcm in/wl4.dcm -v
files-all: in/wl5.dcm in/wl6.dcm in/wl7.dcm in/wl8.dcm in/wl9.dcm in/wl10.dcm in/wl11.dcm in/wl12.dcm -Xs a.xml
file-with-keys: in/wl1.dcm -k PatientName=M* -k 0040,0100[0].Modality=MR
file-with-keys-verbose: in/wl1.dcm -k PatientName=M* -k 0040,0100[0].Modality=MR -v !! LENGTHS
files-with-keys-repeated: in/wl1.dcm in/nested.dcm -k PatientName=V* --repeat 2 -X -v
file-explicit: in/nested-te.dcm -v
file-implicit: in/nested-ti.dcm -v
file-big: in/nested-tb.dcm -v
file-deflated: in/nested-td.dcm -v
raw-explicit: in/nested-te.raw -v
raw-implicit: in/nested-ti.raw -v
raw-big: in/nested-tb.raw -v
file-to-implicit: in/nested.dcm -xi -v
file-private: in/private.dcm -v
file-private-as-ob: in/private.dcm -u
file-empty: in/wl1.dcm in/empty.dcm in/wl2.dcm !! EXIT_CODE job=REFUSED
file-no-data-set: in/wl1.dcm in/text.dcm in/wl2.dcm -v !! EXIT_CODE WORDS job=REFUSED
file-missing: in/nowhere.dcm
arguments-file: @in/args.txt
arguments-files: @in/args.txt @in/more.txt -Xs a.xml
arguments-file-missing: @in/nowhere.txt

extract: -k PatientName -k 0040,0100[0] -X
extract-to-folder: -k PatientName -k PatientID -X -od out -v
extract-long-names: -k PatientName --extract --output-directory out --limit-output 2
extract-xml: -k PatientName -k 0040,0100[0] -Xx
extract-xml-to-folder: -k PatientName -k PatientID -Xx -od out -v
extract-single: -k PatientName -k 0040,0100[0] -Xs a.xml
extract-single-to-folder: -k PatientName -Xs a.xml -od out -v
extract-single-nothing: -k PatientName=NOBODY -Xs a.xml
extract-single-nowhere: -k PatientName -Xs out/nowhere/a.xml !! EXIT_CODE
extract-rightmost: -k PatientName -X -Xs a.xml -Xx
extract-and-show: -k PatientName -X +sr
extract-limited: -k PatientName -X -Xlo 3 -v
extract-limited-single: -k PatientName -Xs a.xml -Xlo 3
extract-limited-repeated: -k PatientName --repeat 2 -X -Xlo 14
folder-missing: -k PatientName -X -od nowhere
folder-unused: -k PatientName -od nowhere
show: -k PatientName +sr
hide: -k PatientName -sr
correct: -k PatientName -k 0040,0100[0] +dc
correct-not: -k PatientName -dc -v
correct-dicom: -k PatientName -k 0040,0100[0] +dc -X
correct-xml: -k PatientName +dc -Xs a.xml

tls-not: -k PatientName -tls
tls-not-after-all: -k PatientName +tla -tls
tls-to-plain: -k PatientName +tla +cf in/ca.pem !! WORDS
"""

QUERY_RETRIEVE = r"""
{0}-patients: -P -k 0008,0052=PATIENT -k PatientName -k PatientID
{0}-studies: -S -k QueryRetrieveLevel=STUDY -k StudyInstanceUID -k PatientName -v
{0}-series: -S -k QueryRetrieveLevel=SERIES -k StudyInstanceUID={1} -k Modality -k SeriesInstanceUID -X
{0}-images: -S -k QueryRetrieveLevel=IMAGE -k StudyInstanceUID={1} -k SeriesInstanceUID={2} -k SOPInstanceUID -k InstanceNumber -Xs a.xml
{0}-period: -S -k QueryRetrieveLevel=STUDY -k StudyDate=19950101-20051231 -k StudyTime -k StudyID
{0}-file: -S in/studies.dcm -X
{0}-file-and-keys: -S in/studies.dcm -k PatientName=*A* --repeat 2 -v
{0}-file-private: -S in/private.dcm -v
{0}-big: -S -k 0008,0052=STUDY -k StudyInstanceUID -k ModalitiesInStudy -xb -X
{0}-deflated: -S -k 0008,0052=STUDY -k StudyInstanceUID -xd -X
{0}-implicit: -S -k 0008,0052=STUDY -k StudyInstanceUID -xi -Xx
{0}-characters: -S -k 0008,0052=STUDY -k PatientName -k SpecificCharacterSet -Xs a.xml
{0}-characters-each: -S -k 0008,0052=STUDY -k PatientName -k SpecificCharacterSet -Xx
{0}-corrected: -S -k 0008,0052=STUDY -k StudyInstanceUID -k PatientName +dc -X
{0}-cancelled: -S -k 0008,0052=STUDY -k StudyInstanceUID --cancel 2 !! held=1 job=CANCELLED
{0}-without-level: -S -k PatientName !! EXIT_CODE
{0}-abort: -S -k 0008,0052=STUDY -k PatientID --abort
"""
STUDY = "1.3.6.1.4.1.5962.1.1.0.0.0.1196533885.18148.0.1"
SERIES = "1.3.6.1.4.1.5962.1.1.0.0.0.1196533885.18148.0.118"

DCMQRSCP = QUERY_RETRIEVE.format("dcmqrscp", STUDY, SERIES) + r"""
dcmqrscp-patient-study: -O -k 0008,0052=PATIENT -k PatientName -xi +sr -X
dcmqrscp-worklist: -W -k PatientName !! RELEASE
dcmqrscp-title-unknown: -S -k 0008,0052=STUDY -aec NOBODY
"""
ORTHANC = QUERY_RETRIEVE.format("orthanc", STUDY, SERIES) + r"""
orthanc-patient-study: -O -k 0008,0052=PATIENT -k PatientName !! RELEASE
orthanc-worklist: -W -k PatientName -k 0040,0100[0].Modality -v
orthanc-worklist-files: in/wl1.dcm in/nested.dcm -Xs a.xml
"""
PREFERRING = r"""
{0}-shown: -k PatientName -k 0040,0100[0] -x{1} -v
{0}-repeated: -k PatientName=V* -k 0040,0100[0].Modality --repeat 2 -x{1} -v
{0}-debug: -k PatientName=V* -k 0028,0010=5 -x{1} -d
{0}-extract: -k PatientName -k 0040,0100[0] -x{1} -X
{0}-extract-corrected: -k PatientName -k 0040,0100[0] -x{1} -X +dc
{0}-extract-xml: -k PatientName -k 0040,0100[0] -x{1} -Xx
{0}-extract-single: -k PatientName -k 0040,0100[0] -x{1} -Xs a.xml
{0}-file: in/nested-ti.dcm -x{1} -v
{0}-file-private: in/private.dcm -k 0028,0010=7 -x{1}
"""
BIG = PREFERRING.format("big", "b")
DEFLATED = PREFERRING.format("deflated", "d") + r"""
deflated-not-compressed: in/wl1.dcm -xd +cl 0 -X
deflated-fast: in/wl1.dcm -xd +cl 1 -X
deflated-small: in/wl1.dcm -xd +cl 9 -X -v
"""
CHARACTERS = r"""
characters-shown: -k PatientName -k 0032,1060 -v
characters-single: -k PatientName -k PatientID=DECLARED -Xs a.xml !! CHARACTERS
characters-single-corrected: -k PatientName -k PatientID=DECLARED +dc -Xs a.xml !! CHARACTERS
characters-single-not-declared: -k PatientName -k PatientID=NOTDECLARED -Xs a.xml !! CHARACTERS
characters-each: -k PatientName -k PatientID -Xx !! CHARACTERS
characters-dicom: -k PatientName -k 0032,1060 -X
characters-asked-for: -k PatientName=M%FCller* -k "SpecificCharacterSet=ISO_IR 100" -v !! job=REFUSED
characters-as-typed: -k PatientName=M%FCller* -v !! EXIT_CODE job=REFUSED
"""
NOBODY = """
no-connection: -k PatientName -v
"""

TLS = r"""
tls-anonymous: -k PatientName +tla +cf in/ca.pem
tls-required: -k PatientName +tla -rc +cf in/ca.pem -X
tls-ignored: -k PatientName +tla -ic
tls-file-missing: -k PatientName +tla +cf in/nowhere +cf in/ca.pem !! WORDS
tls-folder: -k PatientName +tla +cd in/hashed
tls-folder-plain: -k PatientName +tla +cd in/plain !! TRUST
tls-der: -k PatientName +tla -der +cf in/ca.der
tls-der-crl: -k PatientName +tla -der +cf in/ca.der +crl in/good.crl.der !! TRUST
tls-crl: -k PatientName +tla +cf in/ca.pem +crl in/good.crl
tls-crl-leaf: -k PatientName +tla +cf in/ca.pem +crl in/good.crl +crv
tls-crl-chain: -k PatientName +tla +cf in/ca.pem +crl in/good.crl +cra
tls-crl-revoked: -k PatientName +tla +cf in/ca.pem +crl in/revoked.crl !! WORDS
tls-crl-none: -k PatientName +tla +cf in/ca.pem +crv !! EARLY job=REFUSED
tls-untrusted: -k PatientName +tla +cf in/strange.pem !! WORDS
tls-no-trust: -k PatientName +tla !! EARLY job=REFUSED
tls-profile-nd: -k PatientName +tla +cf in/ca.pem +py
tls-profile-bcp195: -k PatientName +tla +cf in/ca.pem +px
tls-profile-ex: -k PatientName +tla +cf in/ca.pem +pz
tls-profile-aes: -k PatientName +tla +cf in/ca.pem +pa
tls-profile-null: -k PatientName +tla +cf in/ca.pem +pn
tls-cipher: -k PatientName +tla +cf in/ca.pem +pa +cs TLS_RSA_WITH_AES_256_CBC_SHA
tls-cipher-unknown: -k PatientName +tla +cf in/ca.pem +cs TLS_NO_SUCH !! WORDS job=REFUSED
tls-cipher-null: -k PatientName +tla +cf in/ca.pem +cs TLS_RSA_WITH_NULL_SHA !! WORDS job=REFUSED
tls-seed: -k PatientName +tla +cf in/ca.pem +rs in/random.bin
tls-seed-missing: -k PatientName +tla +cf in/ca.pem +rs in/nowhere !! WORDS
tls-seed-written-back: -k PatientName +tla +cf in/ca.pem +rs in/random.bin +ws
tls-seed-elsewhere: -k PatientName +tla +cf in/ca.pem +rs in/random.bin +wf out/seed
tls-plain-to-it: -k PatientName
tls-own-not-asked-for: -k PatientName +tls in/own.key in/own.crt +cf in/ca.pem -v
tls-repeated: in/wl1.dcm in/wl2.dcm --repeat 2 -xb +tla +cf in/ca.pem -Xs a.xml
"""
STRICT = r"""
tls-own: -k PatientName +tls in/own.key in/own.crt +cf in/ca.pem
tls-own-pem: -k PatientName +tls in/own.key in/own.crt +cf in/ca.pem +ps -pem
tls-own-der: -k PatientName +tls in/own.key.der in/own.crt.der -der +cf in/ca.der
tls-password: -k PatientName +tls in/locked.key in/own.crt +cf in/ca.pem +pw opensesame
tls-password-wrong: -k PatientName +tls in/locked.key in/own.crt +cf in/ca.pem +pw wrong !! WORDS
tls-password-empty: -k PatientName +tls in/locked.key in/own.crt +cf in/ca.pem -pw !! WORDS
tls-not-ours: -k PatientName +tls in/strange.key in/strange.crt +cf in/ca.pem !! WORDS
tls-key-of-another: -k PatientName +tls in/other.key in/own.crt +cf in/ca.pem !! WORDS
tls-none-shown: -k PatientName +tla +cf in/ca.pem !! WORDS
"""
ORTHANC_TLS = r"""
tls-orthanc: -k PatientName +tls in/own.key in/own.crt +cf in/ca.pem -X
tls-orthanc-none-shown: -k PatientName +tla +cf in/ca.pem !! WORDS
"""

TABLES: Mapping[str, str] = {
    "wlmscpfs": WORKLIST,
    "dcmqrscp": DCMQRSCP,
    "orthanc": ORTHANC,
    "big": BIG,
    "deflated": DEFLATED,
    "characters": CHARACTERS,
    "nobody": NOBODY,
    "tls": TLS,
    "tls-strict": STRICT,
    "tls-1.2": "tls-1.2: -k PatientName +tla +cf in/ca.pem\n",
    "tls-1.3": "tls-1.3: -k PatientName +tla +cf in/ca.pem\n",
    "tls-orthanc": ORTHANC_TLS,
}

CASES = tuple(_cases())
