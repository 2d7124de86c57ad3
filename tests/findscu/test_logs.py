"""Messages go where findscu sends them, and a peer's text does no harm there."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from batchfind.errors import InputError
from batchfind.findscu.call import Call, Extract, Level, LogCall, Show
from batchfind.findscu.log_config import read_log_config
from batchfind.findscu.logs import (
    PROGRAM,
    RESPONSES,
    Log,
    StderrSink,
    open_log,
    visible,
)
from batchfind.findscu.main import main

SAMPLE = Path("/etc/dcmtk/logger.cfg")
Printed = Callable[[Call], str]


def call(
    level: Level | None = None,
    *,
    config: Path | None = None,
    show: Show = Show.DEFAULT,
    extract: Extract = Extract.NOTHING,
) -> Call:
    log = LogCall(level=level, config=config)
    return Call(peer="a", port=1, log=log, show=show, extract=extract)


def say_everything(log: Log) -> None:
    log.fatal("f")
    log.error("e")
    log.warn("w")  # noqa: G010 - findscu's Log is no logger of Python's
    log.info("i")
    log.debug("d")
    log.trace("t")
    log.response("r")


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Printed:
    """Everything said at each level, as first letters of what reached stderr."""

    def said(asked: Call) -> str:
        say_everything(open_log(asked))
        captured = capsys.readouterr()
        assert captured.out == ""
        return "".join(re.findall(r"^. ?:? (.)$", captured.err, re.MULTILINE))

    return said


@pytest.fixture
def loggers() -> Iterator[None]:
    """Puts Python's logging back as it was."""
    root, names = logging.getLogger(), (PROGRAM, RESPONSES, "dcmtk")
    kept, level = list(root.handlers), root.level
    yield
    for handler in set(root.handlers) - set(kept):
        handler.close()
    root.handlers[:], root.level = kept, level
    for name in names:
        logger = logging.getLogger(name)
        for handler in logger.handlers:
            handler.close()
        logger.handlers.clear()
        logger.setLevel(logging.NOTSET)
        logger.propagate, logger.disabled = True, False


class TestLevels:
    @pytest.mark.parametrize(
        ("level", "lines"),
        [
            (None, "fewr"),
            (Level.FATAL, "f"),
            (Level.ERROR, "fe"),
            (Level.WARN, "few"),
            (Level.INFO, "fewir"),
            (Level.DEBUG, "fewidr"),
            (Level.TRACE, "fewidtr"),
        ],
    )
    def test_show_what_is_as_important(
        self, level: Level | None, lines: str, printed: Printed
    ) -> None:
        assert printed(call(level)) == lines

    @pytest.mark.parametrize(
        "extract", [one for one in Extract if one is not Extract.NOTHING]
    )
    def test_of_responses_are_off_where_files_are_written(
        self, extract: Extract, printed: Printed
    ) -> None:
        assert printed(call(extract=extract)) == "few"
        assert printed(call(extract=extract, show=Show.ALWAYS)) == "fewr"

    def test_of_responses_are_off_at_a_wish(self, printed: Printed) -> None:
        assert printed(call(Level.TRACE, show=Show.NEVER)) == "fewidt"
        assert printed(call(Level.FATAL, show=Show.ALWAYS)) == "fr"

    def test_can_be_asked_for(self) -> None:
        log = open_log(call(Level.INFO, show=Show.NEVER))
        assert log.enabled(Level.INFO)
        assert not log.enabled(Level.DEBUG)
        assert not log.shows_responses


class TestLines:
    def test_have_the_prefix_of_their_level(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        open_log(call()).error("\nfirst\n\nlast\n")
        assert capsys.readouterr().err == "E: \nE: first\nE: \nE: last\nE: \n"

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("plain\ntext", "plain\ntext"),
            ("Müller 山田", "Müller 山田"),
            ("\x1b[2J", "\\x1b[2J"),
            ("a\rb\x00\x85", "a\\rb\\x00\\x85"),
            ("\u202eevil", "\\u202eevil"),
        ],
    )
    def test_hold_nothing_that_moves_the_cursor(self, text: str, shown: str) -> None:
        assert visible(text) == shown

    def test_are_lost_without_an_error_where_nobody_reads(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Gone:
            def write(self, _: str) -> None:
                raise BrokenPipeError

        monkeypatch.setattr("sys.stderr", Gone())
        sink = StderrSink(Level.TRACE)
        sink.write(Level.ERROR, "lost")
        assert not sink.enabled(Level.FATAL)
        assert not sink.lost


class TestALoggerCfg:
    @pytest.mark.parametrize(
        ("text", "lines"),
        [
            ("rootLogger = INFO, console", "fewir"),
            ("rootLogger = WARN, console", "few"),
            ("rootLogger = OFF, console", ""),
            ("rootLogger = all, console", "fewidtr"),
            ("rootLogger=ERROR,console\nlogger.dcmtk.dcmnet.responses = INFO", "fer"),
            ("rootLogger = INFO\nlogger.dcmtk.dcmnet = WARN", "few"),
            ("rootLogger = INFO\nlogger.dcmtk.dcmdata = OFF", "fewir"),
            ("rootLogger = INFO\nlogger.dcmtk.dcmnet.responses = OFF", "fewi"),
            ("rootLogger = INFO\nlogger.dcmtk.dcmnet = INHERIT, console", "fewir"),
        ],
    )
    def test_sets_levels(
        self, text: str, lines: str, printed: Printed, tmp_path: Path
    ) -> None:
        file = tmp_path / "logger.cfg"
        body = "".join(f"log4cplus.{line}\n" for line in text.splitlines())
        file.write_text(f"# levels\n{body}", "utf-8")
        assert printed(call(config=file)) == lines

    def test_does_not_hide_or_show_what_the_command_line_says(
        self, printed: Printed, tmp_path: Path
    ) -> None:
        file = tmp_path / "logger.cfg"
        file.write_text("log4cplus.rootLogger = WARN, console\n", "utf-8")
        assert printed(call(config=file, show=Show.ALWAYS)) == "fewr"
        file.write_text("log4cplus.rootLogger = INFO, console\n", "utf-8")
        assert printed(call(config=file, show=Show.NEVER)) == "fewi"
        assert printed(call(config=file, extract=Extract.DICOM)) == "fewir"

    def test_is_obeyed_as_far_as_the_threshold_of_its_console(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        file = tmp_path / "logger.cfg"
        file.write_text(
            "log4cplus.rootLogger = DEBUG, console, file\n"
            "log4cplus.appender.console = log4cplus::ConsoleAppender\n"
            "log4cplus.appender.console.Threshold = INFO\n"
            "log4cplus.appender.file = log4cplus::FileAppender\n"
            "log4cplus.appender.file.File = x.log\n",
            "utf-8",
        )
        log = open_log(call(config=file))
        assert log.enabled(Level.INFO)
        assert not log.enabled(Level.DEBUG)
        told = capsys.readouterr().err
        assert told.count("\n") == 1
        assert told.startswith(f"W: {file}: the appender file is log4cplus::FileApp")

    def test_with_a_level_that_does_not_exist_says_so(self, tmp_path: Path) -> None:
        file = tmp_path / "logger.cfg"
        file.write_text("log4cplus.rootLogger = LOUD\n", "utf-8")
        levels = read_log_config(file)
        assert levels is not None
        assert levels.of(PROGRAM) is Level.WARN
        assert "no level 'LOUD'" in levels.unsupported[0]

    @pytest.mark.skipif(not SAMPLE.exists(), reason="DCMTK's sample is not here")
    def test_of_dcmtks_own_can_be_read(self) -> None:
        levels = read_log_config(SAMPLE)
        assert levels is not None
        assert levels.of(PROGRAM) is Level.INFO
        assert levels.of(RESPONSES) is Level.INFO


INI = """\
[loggers]
keys=root,net
[handlers]
keys=file
[formatters]
keys=plain
[logger_root]
level=WARNING
handlers=file
[logger_net]
level=INFO
handlers=
qualname=dcmtk.dcmnet
[handler_file]
class=FileHandler
args=('lines.log', 'w', 'utf-8')
formatter=plain
[formatter_plain]
format=%(name)s %(levelname)s %(message)s
"""
DICTIONARY = {
    "version": 1,
    "formatters": {"plain": {"format": "%(name)s %(levelname)s %(message)s"}},
    "handlers": {
        "file": {
            "class": "logging.FileHandler",
            "filename": "lines.log",
            "formatter": "plain",
        }
    },
    "root": {"level": "WARNING", "handlers": ["file"]},
    "loggers": {"dcmtk.dcmnet": {"level": "INFO"}},
}
AS_YAML = """\
version: 1
formatters: {plain: {format: "%(name)s %(levelname)s %(message)s"}}
handlers: {file: {class: logging.FileHandler, filename: lines.log, formatter: plain}}
root: {level: WARNING, handlers: [file]}
loggers: {dcmtk.dcmnet: {level: INFO}}
"""


@pytest.mark.usefixtures("loggers", "folder")
class TestAPythonLoggingFile:
    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("logging.ini", INI),
            ("logging.json", json.dumps(DICTIONARY)),
            ("logging.cfg", json.dumps(DICTIONARY)),
            ("logging.yaml", AS_YAML),
        ],
    )
    def test_is_obeyed(
        self, name: str, text: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        Path(name).write_text(text, "utf-8")
        say_everything(open_log(call(config=Path(name))))
        assert capsys.readouterr() == ("", "")
        for handler in logging.getLogger().handlers:
            handler.flush()
        assert Path("lines.log").read_text("utf-8").splitlines() == [
            "dcmtk.dcmnet CRITICAL f",
            "dcmtk.dcmnet ERROR e",
            "dcmtk.dcmnet WARNING w",
            "dcmtk.dcmnet INFO i",
            "dcmtk.dcmnet.responses INFO r",
        ]

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("a.ini", "[loggers]\n"),
            ("a.ini", "no section"),
            ("a.json", "{"),
            ("a.json", "[]"),
            ("a.yaml", "a: [b"),
            ("a.yaml", "version: 2"),
            ("a.yaml", "version: 1\nroot: {handlers: [nowhere]}"),
            ("a.txt", ""),
        ],
    )
    def test_that_is_none_is_refused(
        self, name: str, text: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        Path(name).write_text(text, "utf-8")
        assert main(["localhost", "1", "-k", "a", "-lc", name]) == 1
        told = capsys.readouterr().err
        last = told.splitlines()[-1]
        assert last.startswith(f"error: {name} is neither a logger.cfg of DCMTK nor")

    def test_that_cannot_be_written_is_told_once(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        Path("full.json").write_text(
            '{"version": 1, "handlers": {"full": {"class": "logging.FileHandler",'
            ' "filename": "/dev/full"}}, "root": {"level": 0, "handlers": ["full"]}}',
            "utf-8",
        )
        log = open_log(call(config=Path("full.json")))
        log.response("one\ntwo")
        log.response("three")
        assert log.lost_responses
        for handler in logging.getLogger().handlers[:]:
            logging.getLogger().removeHandler(handler)
            with suppress(OSError):
                handler.close()
        assert capsys.readouterr().err == "E: Writing log: No space left on device\n"

    def test_that_cannot_be_read_is_refused(self) -> None:
        Path("latin1.cfg").write_bytes(b"\xfc")
        with pytest.raises(InputError, match="cannot be read: it is not UTF-8"):
            read_log_config(Path("latin1.cfg"))
        with pytest.raises(InputError, match="cannot be read: Is a directory"):
            read_log_config(Path("folder"))
