"""Templates as Jinja2 has them: compiled and rendered in its sandbox.

The only module that renders, and slow to import, which a job without a template need
not wait for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from batchfind.plan.dates import FILTERS, SPANS, Day, Moment
from batchfind.plan.facts import Facts
from batchfind.plan.grammar import TEXT_FILTERS, facts_of

MAX_RENDERED: Final = 65536
"""Characters of what a template gives; more than any Identifier should hold."""

_FAILURES: Final = (
    TemplateError,
    TypeError,
    ValueError,
    ArithmeticError,
    RecursionError,
    MemoryError,
)


@dataclass(frozen=True, slots=True)
class Program:
    """A template that keeps to the grammar.

    Attributes:
        facts: what it reads.
    """

    facts: Facts
    _template: Template

    def render(self, values: Mapping[str, object]) -> str:
        """Its text.

        Args:
            values: name to value, with all names it reads; `vars` holds a mapping.

        Raises:
            ValueError: it gives no text; says why.
        """
        try:
            return _rendered(self._template, self.facts, values)
        except _FAILURES as error:
            raise ValueError(_plain_reason(error)) from error


class Sandbox:
    """Compiles templates."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """`environment` is what env() reads."""
        self._jinja = _sandbox(environment)

    def compile(self, text: str) -> Program:
        """A template's program.

        Raises:
            ValueError: a sentence that says what is wrong with it.
        """
        try:
            tree = self._jinja.parse(text)
            facts = facts_of(tree)
            return Program(facts, self._jinja.from_string(tree))
        except RecursionError as error:
            raise ValueError("the template nests too deeply") from error
        except TemplateSyntaxError as error:
            wrong = f"the template has a syntax error: {error.message}{_hint(error)}"
            raise ValueError(wrong) from error
        except _FAILURES as error:
            raise ValueError(f"the template cannot be used: {error}") from error


def _hint(error: TemplateSyntaxError) -> str:
    """What to write where two names stand one after the other."""
    if "end of print statement" not in str(error.message):
        return ""
    return "; a name is one word: name a column with another header under columns"


class _Variables:
    """What a template reads of `vars`; a member is a variable, never a method."""

    __slots__ = ("__values",)

    def __init__(self, values: Mapping[str, str]) -> None:
        self.__values = values

    def __getitem__(self, name: str) -> str:
        return self.__values[name]


def _rendered(template: Template, facts: Facts, values: Mapping[str, object]) -> str:
    if facts.sole is not None and isinstance(values[facts.sole], str):
        return _bounded(str(values[facts.sole]))  # as Jinja would write it
    names = {name: values[name] for name in facts.names}
    variables = values.get("vars")
    if isinstance(variables, Mapping):
        read = {name: variables[name] for name in facts.variables}
        names["vars"] = _Variables(read)
    return _bounded(template.render(names))


def _bounded(text: str) -> str:
    if len(text) > MAX_RENDERED:
        raise ValueError(f"it gives more than {MAX_RENDERED} characters")
    return text


def _plain_reason(error: Exception) -> str:
    """What failed, without Python's names of types."""
    why = str(error) or type(error).__name__
    if "not supported between" in why:
        return "it compares values of different kinds; compare text with text"
    if why.startswith("unsupported operand"):
        return (
            "only a span can be added to a date or taken from it, as in"
            " {{ today - days(1) }}"
        )
    return why


def _printable(value: Any) -> Any:
    """What `{{ }}` may print: nothing whose text is an accident of Python."""
    if isinstance(value, bool) or not isinstance(value, str | int | Day | Moment):
        value = _text_of_own_type(value)
    return value


def _text_of_own_type(value: Any) -> str:
    # Values that define their text, or refuse to have one, live in this package.
    if type(value).__module__.startswith("batchfind.plan."):
        return str(value)
    raise TypeError(f"a {type(value).__name__} is no text for a value")


def _sandbox(environment: Mapping[str, str]) -> ImmutableSandboxedEnvironment:
    jinja = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        finalize=_printable,
        keep_trailing_newline=True,
        autoescape=False,
    )
    jinja.globals = {**SPANS, "env": environment.__getitem__}
    jinja.filters = {
        **{name: jinja.filters[name] for name in TEXT_FILTERS},
        **FILTERS,
    }
    return jinja
