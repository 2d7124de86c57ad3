"""Renders the scalars of a job: each once, in scopes, and never as structure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from batchfind.errors import Mark
from batchfind.job.model import Scalar
from batchfind.job.suggest import did_you_mean
from batchfind.plan.facts import Facts
from batchfind.plan.problems import Problems

if TYPE_CHECKING:
    from batchfind.plan.sandbox import Program, Sandbox

MAX_TEMPLATE: Final = 8192
"""Characters of a template; a longer one is no value of a job."""

_MARKS: Final = ("{{", "{%", "{#")
_NOTHING: Final = Facts()
_SUBJECT: Final = "template"  # a template that is wrong at one peer is wrong once


class NotRendered(Exception):
    """What a template reads could not be rendered, which is a problem already."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What the names of a template mean at one place.

    Attributes:
        values: name to value; `vars` holds a mapping of text.
        absent: names that exist elsewhere, with why not here and what to do.
    """

    values: Mapping[str, object]
    absent: Mapping[str, str] = field(default_factory=dict)

    def with_values(self, values: Mapping[str, object]) -> Scope:
        """The same scope with more names, which are then no longer absent."""
        absent = {name: why for name, why in self.absent.items() if name not in values}
        return Scope({**self.values, **values}, absent)

    def without(self, absent: Mapping[str, str]) -> Scope:
        """The same scope with reasons for more names it lacks."""
        return Scope(self.values, {**self.absent, **absent})


@dataclass(frozen=True, slots=True)
class _Compiled:
    facts: Facts
    program: Program | None
    problem: str | None = None


class Templates:
    """Compiles each distinct text once and renders it in many scopes."""

    def __init__(self, problems: Problems, environment: Mapping[str, str]) -> None:
        """Notes what is wrong in `problems`; `environment` is what env() reads."""
        self._problems = problems
        self._environment = environment
        self._compiled: dict[str, _Compiled] = {}
        self._sandbox: Sandbox | None = None

    def facts(self, scalar: Scalar) -> Facts:
        """What a scalar's template reads; nothing when it is wrong or no template."""
        return self._compile(scalar.text).facts

    def reads(self, scalars: Iterable[Scalar]) -> frozenset[str]:
        """The names that any of some scalars reads."""
        return frozenset().union(*(self.facts(scalar).names for scalar in scalars))

    @property
    def variables(self) -> frozenset[str]:
        """Every x of `vars.x` in what was compiled so far."""
        read = (compiled.facts.variables for compiled in self._compiled.values())
        return frozenset().union(*read)

    def is_template(self, scalar: Scalar) -> bool:
        """Whether a scalar is rendered, rather than taken as it stands."""
        return self._compile(scalar.text).program is not None

    def empty_names(self, scalar: Scalar, scope: Scope) -> tuple[str, ...]:
        """What of that a template reads is empty in a scope, as it is written."""
        facts = self.facts(scalar)
        variables = scope.values.get("vars")
        defined = variables if isinstance(variables, Mapping) else {}
        read = {name: scope.values.get(name) for name in facts.names}
        read |= {f"vars.{name}": defined.get(name) for name in facts.variables}
        read |= {
            f"env('{name}')": self._environment.get(name) for name in facts.environment
        }
        blank = (name for name, value in read.items() if _is_blank(value))
        return tuple(sorted(blank))

    def render(
        self, scalar: Scalar, path: str, scope: Scope, mark: Mark | None = None
    ) -> str | None:
        """The text of a scalar in a scope.

        Args:
            scalar: text without template marks is returned as it stands.
            path: place in the job, for problems.
            scope: what names mean here.
            mark: where a value that cannot be rendered came from, if not from
                the scalar itself.

        Returns:
            The text, or None when a problem was noted.
        """
        compiled = self._compile(scalar.text)
        if compiled.program is None and compiled.problem is None:
            return scalar.text
        wrong = compiled.problem or self._missing(compiled.facts, scope)
        if wrong is not None or compiled.program is None:
            self._problems.error(scalar.mark, path, str(wrong), about=_SUBJECT)
            return None
        try:
            return compiled.program.render(scope.values)
        except NotRendered:
            return None
        except ValueError as error:
            message = f"the template cannot be rendered: {error}"
            self._problems.error(mark or scalar.mark, path, message, about=_SUBJECT)
            return None

    def _missing(self, facts: Facts, scope: Scope) -> str | None:
        """What a template reads and the scope does not have, as a sentence."""
        for name in sorted(facts.names - scope.values.keys()):
            if name in scope.absent:
                return scope.absent[name]
            hint = did_you_mean(name, scope.values) or _available(scope)
            return f"the name {name} is not known here{hint}"
        variables = scope.values.get("vars")
        if facts.variables and variables is None:
            return scope.absent["vars"]
        defined = variables if isinstance(variables, Mapping) else {}
        for name in sorted(facts.variables.difference(defined)):
            hint = did_you_mean(name, defined) or "; define it under vars"
            return f"there is no variable {name}{hint}"
        for name in sorted(facts.environment - self._environment.keys()):
            return f"the environment variable {name} is not set; export it first"
        return None

    def _compile(self, text: str) -> _Compiled:
        if text not in self._compiled:
            self._compiled[text] = self._compile_new(text)
        return self._compiled[text]

    def _compile_new(self, text: str) -> _Compiled:
        if not any(mark in text for mark in _MARKS):
            return _Compiled(_NOTHING, None)
        if len(text) > MAX_TEMPLATE:
            wrong = f"a template has at most {MAX_TEMPLATE} characters"
            return _Compiled(_NOTHING, None, wrong)
        try:
            program = self._compiler().compile(text)
        except ValueError as error:
            return _Compiled(_NOTHING, None, str(error))
        return _Compiled(program.facts, program)

    def _compiler(self) -> Sandbox:
        if self._sandbox is None:
            from batchfind.plan.sandbox import Sandbox  # noqa: PLC0415 - slow to import

            self._sandbox = Sandbox(self._environment)
        return self._sandbox


def _is_blank(value: object) -> bool:
    return isinstance(value, str) and not value.strip()


def _available(scope: Scope) -> str:
    return f"; known are {', '.join(sorted(scope.values))}"
