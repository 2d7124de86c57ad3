"""The process: one command, one exit code, never a traceback unless asked for."""

from __future__ import annotations

import signal
import sys
import warnings
from collections.abc import Sequence
from types import FrameType
from typing import Any, NoReturn

import click

from batchfind import __version__
from batchfind.cli import console
from batchfind.cli.group import LazyGroup

_INTERRUPTED = 130
_EPILOG = """\b
Examples:
  batchfind init job.yaml && batchfind run job.yaml
  batchfind validate jobs/*.yaml
  batchfind run nightly.yaml --quiet || mail -s "worklist" admin < /dev/null

Exit codes: 0 complete, 1 incomplete, 2 invalid, 3 suspect, 4 expectation,
5 no peer reached, 6 locked, 7 not written, 8 internal, 130 interrupted.
"""


@click.group(cls=LazyGroup, epilog=_EPILOG)
@click.version_option(__version__, prog_name="batchfind")
@click.help_option("-h", "--help")
def batchfind() -> None:
    """Ask DICOM peers what a YAML job says, and know whether the answer is whole."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command line and end the process with its exit code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        _heed_signals()
        console.prepare()
        if not sys.warnoptions:
            warnings.simplefilter("ignore")  # notes to programmers help no user
        code = execute(arguments)
        _flush()
    except KeyboardInterrupt:  # before it began, or while it was told how it had ended
        code = _INTERRUPTED
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)  # nothing is left to be interrupted
    sys.exit(code)


def execute(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    try:
        value: Any = batchfind.main(
            list(arguments), prog_name="batchfind", standalone_mode=False
        )
    except click.exceptions.NoArgsIsHelpError as error:
        console.note(error.format_message())
        return 2
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last border
        return _fail(error, arguments)
    return int(value or 0)


def _fail(error: BaseException, arguments: Sequence[str]) -> int:
    from batchfind.cli.failures import explain  # noqa: PLC0415 - --help stays light

    failure = explain(error)
    if _asked("--debug", arguments):
        import traceback  # noqa: PLC0415 - --help stays light

        console.note("".join(traceback.format_exception(error)).rstrip())
    if _asked("--json", arguments) and not isinstance(error, console.StdoutError):
        try:
            console.result_json(failure.to_json())
        except Exception as lost:  # noqa: BLE001 - stdout itself is what failed
            failure = explain(lost)
            console.note(f"batchfind: {failure.message}")
    elif failure.problems:
        console.note(failure.message)
    else:
        console.note(f"batchfind: {failure.message}")
    return int(failure.exit_code)


def _asked(option: str, arguments: Sequence[str]) -> bool:
    """Whether an option was given, known even when the rest cannot be parsed."""
    own = list(arguments)
    if "--" in own:
        own = own[: own.index("--")]
    return option in own


def _heed_signals() -> None:
    """From now on a signal raises KeyboardInterrupt, unless it is to be ignored."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # see batchfind.__main__
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup means it
            signal.signal(number, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    """Outside the event loop SIGTERM and SIGHUP end a command as Ctrl-C does."""
    del number, frame
    raise KeyboardInterrupt


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            console.silence(stream)
