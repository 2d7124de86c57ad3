"""Options that several commands share, and what their text means."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

_DEBUG = "batchfind.debug"

JOB = click.Path(path_type=Path)


def _pairs(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    """`name=value` texts as a mapping; the value may hold anything."""
    found: dict[str, str] = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not equals or not name:
            raise click.BadParameter(
                f"{value!r} is not name=value", ctx=context, param=parameter
            )
        if name in found:
            raise click.BadParameter(
                f"{name!r} is given twice", ctx=context, param=parameter
            )
        found[name] = text
    return found


VARIABLES = click.option(
    "--var",
    "variables",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_pairs,
    help="Override one of the job's vars; may be repeated.",
)
_NOW = click.option(
    "--now",
    metavar="ISO-8601",
    help="The clock of the plan, for backfills: 2026-01-31T18:00 or with an offset.",
)
_SELECT = click.option(
    "--select",
    multiple=True,
    metavar="QUERY",
    help="Only this query of the job; may be repeated.",
)
_OUT = click.option(
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Base of relative output paths, instead of the job's folder.",
)
PLAIN_SECRETS = click.option(
    "--allow-plain-secrets",
    is_flag=True,
    help="Passwords and tokens may stand in the job itself; no copy of it holds them.",
)


def examples(*lines: str) -> str:
    """The epilog of a command's help, its lines kept as they are."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def planning(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--var`, `--now`, `--select`, `--out`: what a plan depends on; plain secrets."""
    for option in (PLAIN_SECRETS, _OUT, _SELECT, _NOW, VARIABLES):
        command = option(command)
    return command


def reporting(*, quiet: str | None = None, json: bool = True) -> Decorator:
    """`--json`, `--quiet`, `--debug` and `-h`.

    Args:
        quiet: help of `--quiet`, or None for a command without it.
        json: whether the command has `--json`.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        command = click.help_option("-h", "--help")(command)
        command = click.option(
            "--debug",
            is_flag=True,
            expose_value=False,
            callback=_debug,
            help="Show every step on stderr, and tracebacks.",
        )(command)
        if quiet is not None:
            command = click.option("--quiet", is_flag=True, help=quiet)(command)
        if json:
            command = click.option(
                "--json",
                "as_json",
                is_flag=True,
                help="Print exactly one line of JSON on stdout, whatever happens.",
            )(command)
        return command

    return decorate


def _debug(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    del parameter
    context.meta[_DEBUG] = value


def debugging() -> bool:
    """Whether the running command was given `--debug`."""
    return bool(click.get_current_context().meta.get(_DEBUG))
