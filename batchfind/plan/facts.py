"""What a template reads, known before it is rendered."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a template reads.

    Attributes:
        names: names outside `vars`, functions excluded.
        bare: those of `names` whose value itself is used, not a member of it.
        variables: x of each `vars.x`.
        environment: NAME of each `env('NAME')`.
        tested: names that a condition or the left side of an `or` asks about.
        sole: the name, when the template is nothing but `{{ name }}`.
    """

    names: frozenset[str] = frozenset()
    bare: frozenset[str] = frozenset()
    variables: frozenset[str] = frozenset()
    environment: frozenset[str] = frozenset()
    tested: frozenset[str] = frozenset()
    sole: str | None = None
