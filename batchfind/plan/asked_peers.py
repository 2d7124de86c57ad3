"""Which peers a query asks."""

from __future__ import annotations

from batchfind.job.model import ForEach, Peer, Query
from batchfind.job.suggest import did_you_mean
from batchfind.plan.problems import Problems
from batchfind.plan.scopes import Surroundings


def peers_of(
    query: Query, surroundings: Surroundings, problems: Problems
) -> tuple[Peer, ...]:
    """The peers a query asks, each one once; problems are noted.

    With `for_each` those of the other query, since a row is asked about at the peer
    it came from; the query may name some of them.
    """
    if query.for_each is None:
        return tuple(_named(query, surroundings, problems).values())
    parent = surroundings.job.queries[query.for_each.query]
    above = peers_of(parent, surroundings, problems)
    if not query.peers:
        return above
    named = _named(query, surroundings, problems)
    _check_above(query, query.for_each, named, above, problems)
    return tuple(peer for peer in named.values() if peer in above)


def _named(
    query: Query, surroundings: Surroundings, problems: Problems
) -> dict[str, Peer]:
    known = surroundings.job.peers
    scope = surroundings.query_scope(query.name)
    where = f"queries.{query.name}.peers"
    found: dict[str, Peer] = {}
    for scalar in query.peers:
        name = surroundings.templates.render(scalar, where, scope)
        if name is None:
            continue
        if name in known:
            found[name] = known[name]
        else:
            message = f"there is no peer {name!r}{did_you_mean(name, known)}"
            problems.error(scalar.mark, where, message)
    return found


def _check_above(
    query: Query,
    each: ForEach,
    named: dict[str, Peer],
    above: tuple[Peer, ...],
    problems: Problems,
) -> None:
    """Notes peers that no row can come from."""
    known = {peer.name for peer in above}
    strange = [name for name in named if name not in known]
    if not strange or not known:
        return
    where = f"queries.{query.name}.peers"
    mark = query.peers[0].mark
    message = f"query {each.query} does not ask {', '.join(strange)}, so no row comes"
    if len(strange) == len(named):
        listed = ", ".join(sorted(known))
        message += f" from there; name some of {listed}, or leave out peers"
        problems.error(mark, where, message)
    else:
        problems.warn(mark, where, f"{message} from there and nothing is asked there")
