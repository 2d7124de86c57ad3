"""Where a findscu command line's messages go: two loggers, by default on stderr.

findscu writes what it does to the logger `dcmtk.dcmnet` and the responses to
`dcmtk.dcmnet.responses`; both names mean the same here, in a DCMTK logger.cfg as in
a Python logging file.
"""

from __future__ import annotations

import logging
import sys
import unicodedata
from collections.abc import Iterator
from typing import Protocol

from batchfind.errors import StorageError
from batchfind.findscu.call import Call, Extract, Level, Show
from batchfind.findscu.log_config import LoggerLevels, read_log_config

PROGRAM = "dcmtk.dcmnet"
RESPONSES = "dcmtk.dcmnet.responses"
_ORDER = tuple(Level)
_NUMBERS = {
    Level.FATAL: logging.CRITICAL,
    Level.ERROR: logging.ERROR,
    Level.WARN: logging.WARNING,
    Level.INFO: logging.INFO,
    Level.DEBUG: logging.DEBUG,
    Level.TRACE: 5,
}


class Sink(Protocol):
    """What takes the messages of one logger.

    Attributes:
        lost: a message could not be written, though somebody reads them.
    """

    lost: bool

    def enabled(self, level: Level) -> bool:
        """Whether a message of that level would be written."""

    def write(self, level: Level, text: str) -> None:
        """Write a message of one line or several."""


class Log:
    """What a session writes its messages to.

    Every method takes text of one line or several; each line is written behind the
    prefix of its level, such as `I: `, as findscu does. Control characters become
    visible escapes, so that no peer can move the cursor; line ends in what a peer
    sent are the caller's to escape, as only the caller knows them from its own.
    """

    __slots__ = ("_program", "_responses", "_shows")

    def __init__(self, program: Sink, responses: Sink) -> None:
        self._program = program
        self._responses = responses
        self._shows = responses.enabled(Level.INFO)

    def enabled(self, level: Level) -> bool:
        """Whether a message of that level would be written; spares making it."""
        return self._program.enabled(level)

    @property
    def shows_responses(self) -> bool:
        """Whether `response` writes anything."""
        return self._responses.enabled(Level.INFO)

    @property
    def lost_responses(self) -> bool:
        """Whether responses were to be shown and could not be, as on a full disk."""
        # At level debug the other logger writes the responses.
        return self._shows and (self._program.lost or self._responses.lost)

    def fatal(self, text: str) -> None:
        """What ends the program at once."""
        self._program.write(Level.FATAL, text)

    def error(self, text: str) -> None:
        """What makes the answer less than whole."""
        self._program.write(Level.ERROR, text)

    def warn(self, text: str) -> None:
        """What may be wrong."""
        self._program.write(Level.WARN, text)

    def info(self, text: str) -> None:
        """What `-v` shows."""
        self._program.write(Level.INFO, text)

    def debug(self, text: str) -> None:
        """What `-d` shows."""
        self._program.write(Level.DEBUG, text)

    def trace(self, text: str) -> None:
        """What only `-ll trace` shows."""
        self._program.write(Level.TRACE, text)

    def response(self, text: str) -> None:
        """A response, at level info of the logger of responses."""
        self._responses.write(Level.INFO, text)


def open_log(call: Call) -> Log:
    """The log that a command line asks for.

    Responses are shown unless they are written to files; `+sr` and `-sr` say so
    whatever a configuration file says.

    Raises:
        InputError: the file of `-lc` cannot be read or is no logging configuration.
    """
    forced = _forced(call)
    if call.log.config is None:
        level = call.log.level or Level.WARN
        shown = forced or _by_default(call)
        return Log(StderrSink(level), StderrSink(shown.level))
    levels = read_log_config(call.log.config)
    program = _configured(levels, PROGRAM)
    responses = _configured(levels, RESPONSES)
    log = Log(program, StderrSink(forced.level) if forced else responses)
    if levels is not None:
        for sentence in levels.unsupported:
            log.warn(f"{call.log.config}: {sentence}")
    return log


class StderrSink:
    """Lines on stderr behind the prefix of their level.

    Args:
        level: the least important level that is written; None writes nothing.
    """

    __slots__ = ("_levels", "lost")

    def __init__(self, level: Level | None) -> None:
        self.lost = False
        upto = 0 if level is None else _ORDER.index(level) + 1
        self._levels = frozenset(_ORDER[:upto])

    def enabled(self, level: Level) -> bool:
        """Whether a message of that level would be written."""
        return level in self._levels

    def write(self, level: Level, text: str) -> None:
        """Write every line of a message, also the empty ones."""
        if level not in self._levels:
            return
        prefix = f"{level.value[0].upper()}: "
        lines = "".join(f"{prefix}{line}\n" for line in text.split("\n"))
        try:
            _put(lines)
        except OSError as error:  # a log nobody reads is no reason to lose the answer
            self._levels = frozenset()
            self.lost = not isinstance(error, BrokenPipeError)


class LoggerSink:
    """A logger of Python's own, set up by the file of `-lc`."""

    __slots__ = ("_logger", "lost")

    def __init__(self, name: str) -> None:
        self.lost = False
        self._logger = logging.getLogger(name)
        for handler in _handlers(self._logger):
            # Python would print a traceback for every message.
            handler.handleError = self._failed  # type: ignore[method-assign]

    def enabled(self, level: Level) -> bool:
        """Whether a message of that level would be written."""
        return self._logger.isEnabledFor(_NUMBERS[level])

    def write(self, level: Level, text: str) -> None:
        """Hand a message over as one record."""
        self._logger.log(_NUMBERS[level], "%s", visible(text))

    def _failed(self, record: logging.LogRecord) -> None:  # noqa: ARG002 (any)
        """A handler could not write."""
        error = sys.exception()
        if not self.lost and not isinstance(error, BrokenPipeError):
            self.lost = True
            reason = getattr(error, "strerror", None) or error
            StderrSink(Level.ERROR).write(Level.ERROR, f"Writing log: {reason}")


def _handlers(logger: logging.Logger | None) -> Iterator[logging.Handler]:
    """Those that take a logger's messages."""
    while logger is not None:
        yield from logger.handlers
        logger = logger.parent if logger.propagate else None


def _put(lines: str) -> None:
    """Writes to stderr: harmless on a terminal, byte by byte as findscu elsewhere."""
    stream = sys.stderr
    raw = getattr(stream, "buffer", None)
    if raw is None or stream.isatty():
        # NUL, which ends every UID of odd length, shows as nothing there anyway.
        stream.write(visible(lines.replace("\0", "")))
    else:
        stream.flush()
        raw.write(lines.encode("utf-8", "surrogateescape"))
    stream.flush()


def print_result(text: str) -> None:
    """Print what was asked for instead of an answer.

    Raises:
        StorageError: stdout takes no more.
        BrokenPipeError: nobody reads it.
    """
    try:
        print(text, flush=True)  # noqa: T201 - a result
    except BrokenPipeError:
        raise
    except OSError as error:
        raise StorageError(f"stdout cannot be written: {error.strerror}") from error


def visible(text: str) -> str:
    r"""Text whose control and direction characters are escapes such as `\x1b`."""
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    return "".join(
        _escape(one) if unicodedata.category(one) in {"Cc", "Cf", "Zl", "Zp"} else one
        for one in text
    )


def _escape(one: str) -> str:
    if one == "\n":
        return one
    return one.encode("unicode_escape").decode("ascii")


class _Shown:
    """Whether responses are shown, as a level of their logger."""

    __slots__ = ("level",)

    def __init__(self, shown: bool) -> None:
        self.level = Level.INFO if shown else None


def _forced(call: Call) -> _Shown | None:
    if call.show is Show.DEFAULT:
        return None
    return _Shown(call.show is Show.ALWAYS)


def _by_default(call: Call) -> _Shown:
    """Without a level of its own a call shows responses; with one as level info."""
    level = call.log.level
    told = level is None or _ORDER.index(level) >= _ORDER.index(Level.INFO)
    return _Shown(told and call.extract is Extract.NOTHING)


def _configured(levels: LoggerLevels | None, name: str) -> Sink:
    """The sink of a logger: Python's when the file has set up Python's logging."""
    return LoggerSink(name) if levels is None else StderrSink(levels.of(name))
