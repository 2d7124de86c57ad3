"""What an A-ASSOCIATE-AC means for the contexts that were proposed."""

from __future__ import annotations

from collections.abc import Iterable

from batchfind.errors import BadAccept
from batchfind.ul.contexts import NegotiatedContext, ProposedContext, RefusedContext
from batchfind.ul.events import Accepted
from batchfind.ul.pdu import AssociateAC, ContextResult

#: Taken when a peer does not say what it receives: the least that every SCP in
#: wide use takes by default.
DEFAULT_MAX_LENGTH = 16_384
_ACCEPTANCE = 0


def accept(proposed: Iterable[ProposedContext], answer: AssociateAC) -> Accepted:
    """Which proposed contexts can be used, and why the others cannot.

    Args:
        proposed: contexts of our A-ASSOCIATE-RQ.
        answer: the peer's A-ASSOCIATE-AC.

    Returns:
        Each proposed context exactly once, as negotiated or as refused. IDs that
        were never proposed are ignored with a warning.

    Raises:
        BadAccept: one ID has two answers that differ, or is accepted with any
            number of transfer syntaxes but one.

    Source: PS3.8 Section 9.3.3.2.
    """
    offered = {context.id: context for context in proposed}
    results, warnings = _results(answer.contexts, set(offered))
    negotiated = []
    refused = []
    for context_id in sorted(offered):
        outcome = _outcome(offered[context_id], results.get(context_id))
        if isinstance(outcome, NegotiatedContext):
            negotiated.append(outcome)
        else:
            refused.append(outcome)
    max_pdu = answer.max_length
    if max_pdu is None:
        max_pdu = DEFAULT_MAX_LENGTH
        warnings.append(
            f"A-ASSOCIATE-AC gives no maximum length; {DEFAULT_MAX_LENGTH} is taken"
        )
    return Accepted(
        contexts=tuple(negotiated),
        refused=tuple(refused),
        max_pdu=max_pdu,
        implementation_uid=answer.implementation_uid,
        implementation_version=answer.implementation_version,
        warnings=(*answer.warnings, *warnings),
    )


def _results(
    contexts: Iterable[ContextResult], offered: set[int]
) -> tuple[dict[int, ContextResult], list[str]]:
    results: dict[int, ContextResult] = {}
    warnings = []
    for context in contexts:
        if context.id not in offered:
            warnings.append(
                f"A-ASSOCIATE-AC answers context {context.id}, not proposed"
            )
        elif context.id not in results:
            results[context.id] = context
        elif results[context.id] == context:
            warnings.append(f"A-ASSOCIATE-AC answers context {context.id} twice")
        else:
            raise BadAccept(
                f"A-ASSOCIATE-AC contradicts itself on context {context.id}"
            )
    return results, list(dict.fromkeys(warnings))


def _outcome(
    proposed: ProposedContext, result: ContextResult | None
) -> NegotiatedContext | RefusedContext:
    if result is None:
        return RefusedContext(proposed.id, proposed.abstract_syntax, None)
    if result.result != _ACCEPTANCE:
        return RefusedContext(proposed.id, proposed.abstract_syntax, result.result)
    if len(result.transfer_syntaxes) != 1:
        raise BadAccept(
            f"A-ASSOCIATE-AC accepts context {proposed.id} with"
            f" {len(result.transfer_syntaxes)} transfer syntaxes instead of one"
        )
    (chosen,) = result.transfer_syntaxes
    if chosen not in proposed.transfer_syntaxes:
        return RefusedContext(proposed.id, proposed.abstract_syntax, 0, chosen)
    return NegotiatedContext(proposed.id, proposed.abstract_syntax, chosen)
