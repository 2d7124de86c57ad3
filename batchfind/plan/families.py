"""What a query asks for because its requests, or those of another, depend on it.

Rows of several requests can be merged, and requests made for rows, only where the keys
that tell rows apart come back. They are added as zero-length return keys.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from batchfind.dicom.identifier import Identifier
from batchfind.dicom.models import model_of
from batchfind.dicom.paths import KeyPath, Step, parse_path
from batchfind.job.model import Dedupe, ForEach, Job, Query, Scalar
from batchfind.plan.keys import Key
from batchfind.plan.model import Bind, Splitting
from batchfind.plan.problems import Problems
from batchfind.sources.model import BaseIdentifier


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """How the requests of a query belong together.

    Attributes:
        keys: of the query; those that take a value from a row are empty.
        binds: keys of a request for each row, with those of the row.
        absent: names that are known only while the job runs, with what to do.
        splitting: how requests are cut, or None.
        identity: keys that tell rows apart; empty where nothing needs them.
        merges: rows of several requests are merged.
        added: return keys that nothing else asks for, in the order they are added.
    """

    keys: tuple[Key, ...]
    binds: tuple[Bind, ...] = ()
    absent: Mapping[str, str] = field(default_factory=dict)
    splitting: Splitting | None = None
    identity: tuple[KeyPath, ...] = ()
    merges: bool = False
    added: tuple[KeyPath, ...] = ()

    @property
    def bound(self) -> tuple[KeyPath, ...]:
        """The keys that take their value from a row."""
        return tuple(bind.child for bind in self.binds)

    def added_to(
        self, base: Identifier, written: Collection[KeyPath] = ()
    ) -> Iterator[KeyPath]:
        """What is added to a request whose base Identifier asks for some of it.

        Args:
            base: its base Identifier.
            written: keys of the job; one in a sequence that the base asks for as a
                whole gives that an item, which returns only the keys it holds.
        """
        return (path for path in self.added if not holds(base, path, written))


def family_of(
    query: Query,
    *,
    level: str | None,
    keys: tuple[Key, ...],
    bases: Iterable[BaseIdentifier],
    splitting: Splitting | None,
    job: Job,
    problems: Problems,
) -> Family:
    """What becomes of a query because of the families its requests are in.

    Args:
        query: as loaded.
        level: of the query, or None.
        keys: as written.
        bases: base Identifiers of its requests.
        splitting: how its requests are cut, or None.
        job: knows the queries that are asked for the rows of this one.
        problems: notes what cannot be.
    """
    keys, binds, absent = _bound_keys(query, keys, problems)
    identity = _identity(query, level, job)
    needed = _needed(query, identity, splitting, job)
    held = [key.path for key in keys]
    held += [one.key for one in query.any_of]
    if query.raw:
        needed |= {bind.child: "takes its value from a row" for bind in binds}
    else:
        held += [bind.child for bind in binds]
    if query.window is not None and query.window.key is not None:
        held.append(query.window.key)
    missing = {path: why for path, why in needed.items() if not _asks(path, held)}
    if query.raw:
        _refuse_added(query, missing, list(bases), problems)
        missing = {}
    merges = _merges(query)
    if merges and not identity:
        _warn_of_no_identity(query, problems)
    _check_above(query, job, problems)
    return Family(
        keys=keys,
        binds=binds,
        absent=absent,
        splitting=splitting,
        identity=identity,
        merges=merges,
        added=tuple(missing),
    )


def holds(
    identifier: Identifier, path: KeyPath, written: Collection[KeyPath] = ()
) -> bool:
    """Whether an Identifier asks for a key, or for a sequence around it as a whole.

    Args:
        identifier: to look into.
        path: the key.
        written: keys that are merged into it; one in a sequence gives that an item.

    Source: PS3.4 Section C.2.2.2.6.
    """
    for depth, step in enumerate(path.sequences, start=1):
        found = [one.value for one in identifier if one.tag == step.tag]
        if not found:
            return False
        items = found[0]
        if not isinstance(items, tuple) or not any(items):
            around = _tags(path.steps[:depth])
            inner = (one for one in written if len(one.steps) > depth)
            return all(_tags(one.steps[:depth]) != around for one in inner)
        if len(items) <= step.item:
            return False
        identifier = items[step.item]
    return any(element.tag == path.tag for element in identifier)


def _merges(query: Query) -> bool:
    """Whether rows of one request can be those of another, and are to be one."""
    if query.dedupe is Dedupe.OFF:
        return False
    return _is_split(query) or bool(query.any_of) or query.dedupe is Dedupe.QUERY


def _children(query: Query, job: Job) -> dict[str, ForEach]:
    """What queries take from the rows of one, by their names."""
    return {
        other.name: other.for_each
        for other in job.queries.values()
        if other.for_each is not None and other.for_each.query == query.name
    }


def _identity(query: Query, level: str | None, job: Job) -> tuple[KeyPath, ...]:
    """The keys that tell rows apart, where something needs them."""
    related = query.for_each is not None or _children(query, job)
    if query.unique or not (related or _merges(query) or _is_split(query)):
        return query.unique
    identity = model_of(query.model).identity(level)
    return tuple(parse_path(text, job.dictionary) for text in identity)


def _is_split(query: Query) -> bool:
    return query.window is not None and query.window.split is not None


def _needed(
    query: Query,
    identity: Iterable[KeyPath],
    splitting: Splitting | None,
    job: Job,
) -> dict[KeyPath, str]:
    """Every key that has to come back, with what needs it."""
    needed = dict.fromkeys(identity, "tells its rows apart")
    if splitting is not None:
        if splitting.time is not None:
            needed.setdefault(splitting.time, "is what the window cuts days by")
        for further in splitting.then:
            needed.setdefault(further.key, "is what the window cuts by then")
    for name, each in _children(query, job).items():
        for path in (*each.keys, *each.columns.values()):
            needed.setdefault(path, f"is what query {name} takes from its rows")
    return needed


def _asks(path: KeyPath, held: Iterable[KeyPath]) -> bool:
    """Whether a key, or a sequence around it, is among others."""
    wanted = _tags(path.steps)
    return any(_tags(one.steps) == wanted[: len(one.steps)] for one in held)


def _tags(steps: Iterable[Step]) -> list[tuple[int, str | None]]:
    return [(step.tag, step.creator) for step in steps]


def _refuse_added(
    query: Query,
    missing: Mapping[KeyPath, str],
    bases: list[BaseIdentifier],
    problems: Problems,
) -> None:
    for path, why in missing.items():
        if bases and all(holds(base.identifier, path) for base in bases):
            continue
        message = (
            f"{path} {why}, but nothing is added to a raw query; write it among its"
            " keys"
        )
        problems.error(query.mark, f"queries.{query.name}.raw", message)


def _warn_of_no_identity(query: Query, problems: Problems) -> None:
    title = model_of(query.model).title
    message = (
        f"the standard names no keys that tell rows of {title} apart, so only those"
        " equal byte for byte are merged; name such keys under 'unique'"
    )
    problems.warn(query.mark, f"queries.{query.name}.unique", message)


def _bound_keys(
    query: Query, keys: tuple[Key, ...], problems: Problems
) -> tuple[tuple[Key, ...], tuple[Bind, ...], Mapping[str, str]]:
    """The keys, those that rows give a value empty; what they take; names of that."""
    each = query.for_each
    if each is None:
        return keys, (), {}
    binds = [Bind(path, path) for path in each.keys]
    found = []
    for key in keys:
        if key.sole is not None and key.sole in each.columns:
            binds.append(Bind(key.path, each.columns[key.sole]))
            found.append(_emptied(key))
        else:
            found.append(key)
    if binds:
        _warn_of_unread(query, each, binds, problems)
    elif not any(key.names.intersection(each.columns) for key in keys):
        names = ", ".join(f"{{{{ {name} }}}}" for name in each.columns)
        message = (
            f"no key takes a value from the rows of {each.query}, so every request"
            " would be the same; name one under for_each.keys"
            + (f", or write {names} as the value of a key" if names else "")
        )
        problems.error(each.mark, f"queries.{query.name}.for_each", message)
    return tuple(found), tuple(binds), _absent(each)


def _emptied(key: Key) -> Key:
    empty = (Scalar("", key.entry.values[0].mark),)
    entry = replace(key.entry, values=empty)
    return replace(key, entry=entry, names=frozenset(), sole=None)


def _warn_of_unread(
    query: Query, each: ForEach, binds: Iterable[Bind], problems: Problems
) -> None:
    bound = {bind.parent for bind in binds}
    for name, path in each.columns.items():
        if path not in bound and name not in query.carry and not query.carry_all:
            place = f"for_each.columns.{name}"
            message = (
                f"nothing reads {name}; write {{{{ {name} }}}} as the value of a key,"
                " carry it, or remove it"
            )
            mark = query.marks.get(place, each.mark)
            problems.warn(mark, f"queries.{query.name}.{place}", message)


def _absent(each: ForEach) -> dict[str, str]:
    return {
        name: (
            f"{name} comes from the rows of query {each.query}, which are known only"
            f" while the job runs; write {{{{ {name} }}}} as the whole value of a key"
            " under keys"
        )
        for name in each.columns
    }


def _check_above(query: Query, job: Job, problems: Problems) -> None:
    """Notes keys that rows of the other query cannot have.

    Source: PS3.4 Section C.4.1.2.2.1.
    """
    each = query.for_each
    if each is None:
        return
    parent = job.queries[each.query]
    model = model_of(parent.model)
    if parent.level not in model.levels:
        return
    above = model.levels[: model.levels.index(parent.level) + 1]
    places = {path: f"for_each.keys[{at}]" for at, path in enumerate(each.keys)}
    places |= {path: f"for_each.columns.{name}" for name, path in each.columns.items()}
    for path, place in places.items():
        level = model.level_of_key(path.names[0])
        if level is not None and level not in above:
            message = (
                f"{path} belongs to level {level}, and query {parent.name} asks at"
                f" {parent.level}; its rows do not have it"
            )
            mark = query.marks.get(place, each.mark)
            problems.error(mark, f"queries.{query.name}.{place}", message)
