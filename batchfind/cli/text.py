"""Text for terminals: nothing a peer sends can move the cursor or forge a line."""

from __future__ import annotations

import math
import re
import textwrap
import unicodedata

_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_GAP = "..."
_BYTES_A_STEP = 1024
_COMMAND = re.compile(r"`[^`]{1,200}`")
#: Stands for a blank where no line may break; clean text holds no such character.
_GLUE = "\ue000"
_UNITS = ("KiB", "MiB", "GiB", "TiB")


def clean(text: str, limit: int = 400) -> str:
    r"""One line of printable characters, whatever the text holds.

    Control, direction, surrogate and unassigned characters become visible escapes
    such as `\x1b`; line breaks and tabs become spaces.

    Args:
        text: anything, also from a peer.
        limit: longest result in characters; longer text ends in `...`.
    """
    flat = " ".join(text.split())
    shown = "".join(_visible(character) for character in flat[: limit + 1])
    return shown if len(shown) <= limit else shown[: max(0, limit - 3)] + "..."


def clean_lines(text: str) -> str:
    """The same lines, each made harmless as by `clean`; none is shortened."""
    return "\n".join(
        "".join(_visible(character) for character in line.expandtabs())
        for line in text.splitlines()
    )


def shortened(text: str, width: int) -> str:
    """Text of at most `width` characters; what is too long gives up its middle."""
    if len(text) <= width:
        return text
    kept = max(0, width - len(_GAP))
    return f"{text[: kept - kept // 2]}{_GAP}{text[len(text) - kept // 2 :]}"[:width]


def folded(text: str, width: int, indent: str = "  ") -> str:
    """Lines of at most `width` characters, broken between words only.

    Args:
        text: one line or several.
        width: in characters; a longer word, such as a path, keeps a line of its own,
            and a command in backquotes is one word.
        indent: of the lines that follow the first.
    """
    return "\n".join(
        textwrap.fill(
            _COMMAND.sub(_as_one_word, line),
            width,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        ).replace(_GLUE, " ")
        if len(line) > width
        else line
        for line in text.splitlines()
    )


def _as_one_word(command: re.Match[str]) -> str:
    return command[0].replace(" ", _GLUE)


def labelled(label: str, value: str, width: int) -> str:
    """`label value` on one line, or the value whole on the next if that is too long."""
    line = f"{label} {value}"
    return line if len(line) <= width else f"{label.rstrip()}\n  {value}"


def _visible(character: str) -> str:
    if unicodedata.category(character) not in _UNSAFE:
        return character
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def count(number: int, noun: str) -> str:
    """A number with its noun: `1 request`, `2,000 requests`, `3 queries`."""
    if number == 1:
        return f"1 {noun}"
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number:,} {plural}"


def duration(seconds: float) -> str:
    """A time span in at most two units: `0.3 s`, `42 s`, `3 min 20 s`, `1 h 5 min`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def size(number: int) -> str:
    """Bytes in binary units: `812 B`, `5.1 KiB`, `1.0 GiB`."""
    if number < _BYTES_A_STEP:
        return f"{number} B"
    step = min(int(math.log(number, _BYTES_A_STEP)), len(_UNITS))
    if step < len(_UNITS) and round(number / _BYTES_A_STEP**step, 1) >= _BYTES_A_STEP:
        step += 1
    return f"{number / _BYTES_A_STEP**step:.1f} {_UNITS[step - 1]}"
