"""`findscu`: DCMTK's command line, which click must not touch."""

from __future__ import annotations

import click


class Verbatim(click.Command):
    """A command that gets its words as they were typed, `--help` and `--` included."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Leave everything to the command's own parser."""
        ctx.params = {"words": tuple(args)}
        return []


@click.command(cls=Verbatim, add_help_option=False)
def findscu(words: tuple[str, ...]) -> int:
    """Take the command line of DCMTK's findscu as it is."""
    from batchfind.findscu.main import main  # noqa: PLC0415 - lazy

    return main(words)
