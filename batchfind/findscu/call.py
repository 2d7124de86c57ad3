"""What one findscu command line asks for, with every default filled in."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path


class Extract(Enum):
    """What responses are written to; the rightmost option counts."""

    NOTHING = "nothing"
    DICOM = "dicom"
    XML = "xml"
    SINGLE_XML = "single-xml"


class Show(Enum):
    """Whether responses go to the log."""

    DEFAULT = "default"
    ALWAYS = "always"
    NEVER = "never"


class Level(Enum):
    """Log levels, from the quietest."""

    FATAL = "fatal"
    ERROR = "error"
    WARN = "warn"
    INFO = "info"
    DEBUG = "debug"
    TRACE = "trace"


class Password(Enum):
    """Where the password of the private key comes from."""

    PROMPT = "prompt"
    GIVEN = "given"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsCall:
    """TLS options; `key` and `certificate` are None for `+tla`.

    Attributes:
        given: the password of `+pw`.
        profile: name in the table of `dicom.tls`.
        crl_check: `none`, `leaf` or `chain`.
        sni: name of `--request-sni`, or None.
        write_seed: file of `+wf`, the file of `+rs` after `+ws`, or None.
    """

    key: Path | None = None
    certificate: Path | None = None
    password: Password = Password.PROMPT
    given: str = field(default="", repr=False)
    der: bool = False
    ca_files: tuple[Path, ...] = ()
    ca_dirs: tuple[Path, ...] = ()
    crls: tuple[Path, ...] = ()
    crl_check: str = "none"
    profile: str = "bcp195-rfc8996"
    ciphers: tuple[str, ...] = ()
    verify: bool = True
    sni: str | None = None
    seed: Path | None = None
    write_seed: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogCall:
    """Logging options.

    Attributes:
        level: of the program; None for the default, warnings.
        config: file of `-lc`, or None.
    """

    level: Level | None = None
    config: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One findscu command line.

    Attributes:
        files: query files in the order given.
        keys: texts of `-k` in the order given.
        model: name in the table of information models.
        proposal: name of a transfer syntax preset.
        deflate_level: 0 to 9.
        new_vr: UN, UT and later VRs are kept, else sent as OB.
        connect_timeout, acse_timeout, dimse_timeout, socket_timeout: seconds; None
            waits for ever.
        repeat: 1 or more.
        abort: the association ends by A-ABORT.
        cancel: response of the association after which C-CANCEL is sent, or None.
        ip_version: 4, 6, or None for either.
        limit: responses written to files at most, or None.
        arguments: the expanded command line is printed first.
        save_job: file the equivalent job is written to instead of asking; `-` is
            stdout, None asks.
    """

    peer: str
    port: int
    files: tuple[Path, ...] = ()
    keys: tuple[str, ...] = ()
    model: str = "worklist"
    calling_ae: str = "FINDSCU"
    called_ae: str = "ANY-SCP"
    new_vr: bool = True
    proposal: str = "local"
    deflate_level: int = 6
    connect_timeout: int | None = None
    acse_timeout: int | None = 30
    dimse_timeout: int | None = None
    socket_timeout: int | None = 60
    max_pdu: int = 16384
    repeat: int = 1
    abort: bool = False
    cancel: int | None = None
    ip_version: int | None = 4
    tls: TlsCall | None = None
    directory: Path = Path()
    correction: bool = False
    show: Show = Show.DEFAULT
    extract: Extract = Extract.NOTHING
    single: Path | None = None
    limit: int | None = None
    log: LogCall = field(default_factory=LogCall)
    arguments: bool = False
    save_job: Path | None = None
