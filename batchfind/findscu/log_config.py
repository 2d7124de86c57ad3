"""The files `-lc` may name: DCMTK's logger.cfg, or a configuration of Python's logging.

A logger.cfg is a list of properties of log4cplus. Its levels are obeyed, by logger
and by the threshold of console appenders. Where lines go and how they look is fixed,
because that is what a Python logging file is for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from configparser import Error as IniError
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batchfind.errors import InputError
from batchfind.findscu.call import Level

_ROOT = "log4cplus.rootLogger"
_LOGGER = "log4cplus.logger."
_APPENDER = "log4cplus.appender."
_QUIET = "OFF"
_INHERIT = "INHERIT"


@dataclass(frozen=True, slots=True)
class LoggerLevels:
    """The levels a logger.cfg sets.

    Attributes:
        levels: logger name to the least important level it writes; the root is an
            empty name, and None writes nothing.
        unsupported: one sentence for each line that asks for more.
    """

    levels: Mapping[str, Level | None]
    unsupported: tuple[str, ...] = ()

    def of(self, name: str) -> Level | None:
        """The level of a logger: its own, or that of the nearest one above it."""
        while name not in self.levels and name:
            name = name.rpartition(".")[0]
        return self.levels.get(name, Level.WARN)


def read_log_config(path: Path) -> LoggerLevels | None:
    """Read the file of `-lc`.

    Returns:
        The levels of a logger.cfg, or None when the file was one of Python's: then
        Python's logging is set up as it says.

    Raises:
        InputError: it cannot be read, or is neither.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InputError(f"{path} cannot be read: {reason}") from error
    if "log4cplus." in text:
        return _levels_of(dict(_properties(text)))
    try:
        _set_up(path, text)
    except (ValueError, TypeError, AttributeError, ImportError, KeyError) as error:
        raise _unusable(path, error) from error
    except (IniError, OSError, RuntimeError) as error:
        raise _unusable(path, error) from error
    return None


def _unusable(path: Path, error: Exception) -> InputError:
    reason = next(iter(str(error).splitlines()), "") or type(error).__name__
    return InputError(
        f"{path} is neither a logger.cfg of DCMTK nor a logging configuration of"
        f" Python (ini, YAML or JSON): {reason}"
    )


def _set_up(path: Path, text: str) -> None:
    """Set up Python's logging; without a level of its own nothing may be lost."""
    import logging.config  # noqa: PLC0415 - only for -lc

    logging.addLevelName(5, "TRACE")
    if path.suffix.lower() in {".yaml", ".yml", ".json"} or text.lstrip()[:1] == "{":
        logging.config.dictConfig(_mapping(path, text))
    else:
        logging.config.fileConfig(path, disable_existing_loggers=False)


def _mapping(path: Path, text: str) -> dict[str, Any]:
    if path.suffix.lower() in {".yaml", ".yml"}:
        import yaml  # noqa: PLC0415 - only for this form of the file

        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ValueError(f"no YAML: {' '.join(str(error).split())}") from error
    else:
        value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError("a mapping is expected")  # noqa: TRY004 - a bad file
    return {"disable_existing_loggers": False, **value}


def _properties(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        stripped = line.strip()
        name, equals, value = stripped.partition("=")
        if equals and not stripped.startswith(("#", "!")):
            yield name.strip(), value.strip()


def _levels_of(properties: Mapping[str, str]) -> LoggerLevels:
    levels: dict[str, Level | None] = {}
    unsupported = [*_other_appenders(properties)]
    for name, value in properties.items():
        if name == _ROOT:
            logger = ""
        elif name.startswith(_LOGGER):
            logger = name.removeprefix(_LOGGER)
        else:
            continue
        word, *appenders = (part.strip() for part in value.split(","))
        if word.upper() == _INHERIT:
            continue
        try:
            level = _level(word)
        except ValueError as error:
            unsupported.append(f"{name}: {error}; the level above it counts")
            continue
        levels[logger] = _quieter(level, _threshold(properties, appenders))
    return LoggerLevels(levels, tuple(unsupported))


def _level(word: str) -> Level | None:
    name = word.upper()
    if name == _QUIET:
        return None
    if name == "ALL":
        return Level.TRACE
    try:
        return Level[name]
    except KeyError:
        raise ValueError(f"no level {word!r}") from None


def _threshold(properties: Mapping[str, str], appenders: list[str]) -> Level | None:
    """The most a logger's console appenders let through; TRACE without any."""
    found = [
        properties.get(f"{_APPENDER}{name}.Threshold", "")
        for name in appenders
        if properties.get(f"{_APPENDER}{name}", "").endswith("ConsoleAppender")
    ]
    if not found or "" in found:
        return Level.TRACE
    levels = [_level(word) for word in found]
    known = [level for level in levels if level is not None]
    return max(known, key=list(Level).index) if known else None


def _quieter(one: Level | None, other: Level | None) -> Level | None:
    if one is None or other is None:
        return None
    return min(one, other, key=list(Level).index)


def _other_appenders(properties: Mapping[str, str]) -> Iterator[str]:
    for name, value in properties.items():
        place = name.removeprefix(_APPENDER)
        if place != name and "." not in place and not value.endswith("ConsoleAppender"):
            yield (
                f"the appender {place} is {value}, but only levels count: the log"
                " goes to stderr (a Python logging file can send it elsewhere)"
            )
