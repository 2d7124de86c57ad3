"""The table of commands; a command's module is imported only when it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module

import click


@dataclass(frozen=True, slots=True)
class Entry:
    """A command as `batchfind --help` lists it.

    Attributes:
        place: `module:attribute` of its click command within this package.
        section: heading it stands under.
    """

    place: str
    section: str
    summary: str


COMMANDS: dict[str, Entry] = {
    "init": Entry("writing:init", "Write", "Write a starter job."),
    "schema": Entry("writing:schema", "Write", "Print a JSON schema."),
    "validate": Entry("asking:validate", "Check", "Check jobs, without network."),
    "plan": Entry("asking:plan", "Check", "Show every request a job means."),
    "ping": Entry("pinging:ping", "Check", "Ask each peer of a job for an echo."),
    "tls": Entry("tls:tls", "Check", "Show what TLS this machine can use."),
    "run": Entry("running:run", "Run", "Ask the peers and write the outputs."),
    "resume": Entry("running:resume", "Run", "Ask again what has no whole answer."),
    "findscu": Entry("findscu:findscu", "Run", "Take findscu's command line as it is."),
    "status": Entry("reading:status", "Results", "Show how a run ended."),
    "export": Entry("reading:export", "Results", "Write a run's outputs again."),
    "prune": Entry("pruning:prune", "Results", "Delete old runs, or show their size."),
    "pin": Entry("pins:pin", "Results", "Keep a run from being pruned."),
    "unpin": Entry("pins:unpin", "Results", "Let a run be pruned again."),
    "demo": Entry("serving:demo", "Try", "Serve the embedded peers."),
}


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of a job's life."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported now, or None."""
        del ctx
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry.place.partition(":")
        command = getattr(import_module(f"batchfind.cli.{module}"), attribute)
        assert isinstance(command, click.Command)  # noqa: S101 - the table is ours
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command named first, or a usage error that offers the nearest name."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            raise click.UsageError(f"no command {name!r}{_nearest(name)}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """The commands under their headings, from the table alone."""
        del ctx
        width = max(map(len, COMMANDS))
        for section, rows in _sections(COMMANDS, width).items():
            with formatter.section(section):
                formatter.write_dl(rows, col_max=12, col_spacing=2)


def _sections(
    commands: dict[str, Entry], width: int
) -> dict[str, Sequence[tuple[str, str]]]:
    sections: dict[str, list[tuple[str, str]]] = {}
    for name, entry in commands.items():
        sections.setdefault(entry.section, []).append(
            (name.ljust(width), entry.summary)
        )
    return {section: tuple(rows) for section, rows in sections.items()}


def _nearest(name: str) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - only for a typing error

    found = get_close_matches(name, COMMANDS, n=1)
    return f", did you mean {found[0]!r}?" if found else ""
