"""`--save-job`: the job that asks the same, instead of asking."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from batchfind.errors import InputError, JobError, StorageError
from batchfind.findscu.call import Call, Extract, Show
from batchfind.findscu.dictionaries import dictionaries_of, known_dictionary
from batchfind.findscu.equivalent import Folder, job_of, requests_of
from batchfind.findscu.job_text import job_text
from batchfind.findscu.logs import Log, print_result, visible
from batchfind.findscu.options import Table
from batchfind.findscu.tokenizer import CommandLine

STDOUT: Final = Path("-")
_CHARACTER_SETS: Final = ("SpecificCharacterSet", "0008,0005", "(0008,0005)")


def save_job(line: CommandLine, call: Call, table: Table, log: Log) -> int:
    """Write the job to the file of `--save-job`, and say what it says differently.

    A job that would not be valid is not written.

    Returns:
        0, the exit code.

    Raises:
        InputError: no valid job asks what the command line asks, or the file exists.
        StorageError: the file cannot be written.
    """
    path = call.save_job or STDOUT
    to_stdout = path == STDOUT
    differences = [*_differences(line, call, table)]
    job = job_of(
        call,
        "findscu" if to_stdout else _job_name(path),
        Folder(None if to_stdout else path.absolute().parent),
        known_dictionary(os.environ, log.warn),
        dictionaries_of(os.environ),
    )
    text = f"{_head(line, differences)}{job_text(job)}"
    if to_stdout:
        with TemporaryDirectory(prefix="batchfind-") as temporary:
            _write(Path(temporary, "job.yaml"), text)
        print_result(text.removesuffix("\n"))
    else:
        _write(path, text)
    told = "".join(f"  {difference}\n" for difference in differences)
    if told:
        written = "the job" if to_stdout else str(path)
        print(f"{written} differs:\n{told}", end="", file=sys.stderr)  # noqa: T201
    return 0


def _differences(line: CommandLine, call: Call, table: Table) -> Iterator[str]:
    """A sentence for each option given that the job cannot repeat exactly."""
    for use in line.effective(table):
        option = use.option
        if not option.saved or (option.several and requests_of(call) == 1):
            continue
        if option.long == "--socket-timeout" and call.dimse_timeout is not None:
            continue
        yield f"{option.long} {option.saved}"
    if call.extract is Extract.NOTHING and call.show is Show.DEFAULT:
        yield "responses go to no file and are not printed; `batchfind run --show` does"
    names = {key.partition("=")[0] for key in call.keys}
    if not "".join(call.keys).isascii() and (
        call.files or names.intersection(_CHARACTER_SETS)
    ):
        yield (
            "--key is sent in the character set that (0008,0005) names, where text"
            " goes beyond ASCII; not as it was typed"
        )


def _head(line: CommandLine, differences: list[str]) -> str:
    """Comments that say where the job comes from."""
    words = visible(shlex.join(_words(line))).replace("\n", "\\n")
    comments = ["Made by batchfind findscu --save-job from:", f"  findscu {words}"]
    if differences:
        comments += ["What differs:", *(f"  {each}" for each in differences)]
    return "".join(f"# {comment}\n" for comment in comments)


def _words(line: CommandLine) -> Iterator[str]:
    """The command line without this option and without a password."""
    parameters = list(line.parameters)
    for use in line.uses:
        match use.option.long:
            case "--save-job" | "--arguments":
                continue
            case "--use-passwd":
                yield from (use.option.short, "***")
            case _:
                yield from (use.option.names[0], *use.values)
    yield from parameters


def _job_name(path: Path) -> str:
    """The file's name as far as it can be a job's name."""
    name = re.sub(r"[^a-z0-9._-]+", "-", path.stem.lower()).strip("-.")
    return name[:64] or "findscu"


def _write(path: Path, text: str) -> None:
    """Write a new job and take it away again if it is not valid."""
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        message = f"{path} exists and --save-job never overwrites: name another file"
        raise InputError(message) from None
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}") from error
    try:
        _validate(path)
    except BaseException:
        path.unlink()
        raise


def _validate(path: Path) -> None:
    """Load and plan the job as `batchfind validate` would."""
    from batchfind.job.inputs import read_inputs  # noqa: PLC0415 - slow to import
    from batchfind.job.loader import load_job  # noqa: PLC0415
    from batchfind.plan.expand import expand  # noqa: PLC0415

    try:
        job = load_job(path, environment=os.environ)
        expand(job, read_inputs(job), clock=datetime.now(UTC), environment=os.environ)
    except JobError as error:
        raise InputError(f"no valid job asks this:\n{error}") from error
