"""What an A-ASSOCIATE-AC means for the contexts that were proposed."""

from __future__ import annotations

from collections.abc import Iterable

from batchfind.errors import BadAccept
from batchfind.ul.contexts import NegotiatedContext, ProposedContext, RefusedContext
from batchfind.ul.events import Accepted
from batchfind.ul.pdu import AssociateAC, ContextResult
from batchfind.ul.proposal import Proposal

#: Taken when a peer does not say what it receives: the least that every SCP in
#: wide use takes by default.
DEFAULT_MAX_LENGTH = 16_384
_ACCEPTANCE = 0


def accept(proposal: Proposal, answer: AssociateAC) -> Accepted:
    """What of a proposal can be used, and why the rest cannot.

    Args:
        proposal: of our A-ASSOCIATE-RQ.
        answer: the peer's A-ASSOCIATE-AC.

    Returns:
        Each proposed context exactly once, as negotiated or as refused. Answers to
        what was never proposed are ignored with a warning.

    Raises:
        BadAccept: one ID has two answers that differ, or is accepted with any
            number of transfer syntaxes but one.

    Source: PS3.8 Section 9.3.3.2, PS3.7 Sections D.3.3.3, D.3.3.5 and D.3.3.7.
    """
    outcomes, warnings = _outcomes(proposal, answer)
    max_pdu = answer.max_length
    if max_pdu is None:
        max_pdu = DEFAULT_MAX_LENGTH
        warnings.append(
            f"A-ASSOCIATE-AC gives no maximum length; {DEFAULT_MAX_LENGTH} is taken"
        )
    asked = {uid for uid, _ in proposal.extended}
    confirmed = answer.identity_response if proposal.wants_confirmation else None
    return Accepted(
        contexts=tuple(one for one in outcomes if isinstance(one, NegotiatedContext)),
        refused=tuple(one for one in outcomes if isinstance(one, RefusedContext)),
        max_pdu=max_pdu,
        implementation_uid=answer.implementation_uid,
        implementation_version=answer.implementation_version,
        warnings=(*answer.warnings, *warnings, *_uninvited(proposal, answer)),
        extended={uid: data for uid, data in answer.extended if uid in asked},
        operations=_window(proposal.operations, answer.operations),
        identity_response=confirmed,
    )


def _outcomes(
    proposal: Proposal, answer: AssociateAC
) -> tuple[list[NegotiatedContext | RefusedContext], list[str]]:
    offered = {context.id: context for context in proposal.contexts}
    results, warnings = _results(answer.contexts, set(offered))
    outcomes = [
        _outcome(offered[context_id], results.get(context_id))
        for context_id in sorted(offered)
    ]
    return outcomes, warnings


def _window(offered: int, granted: int | None) -> int:
    """How many operations we may have in flight; a grant can only lower the offer."""
    if granted is None:
        return 1
    return min(offered, granted or offered)


def _uninvited(proposal: Proposal, answer: AssociateAC) -> list[str]:
    """Answers to what was not asked; PS3.7 has them left out."""
    asked = {uid for uid, _ in proposal.extended}
    uninvited = []
    if any(uid not in asked for uid, _ in answer.extended):
        uninvited.append("an extended negotiation")
    if answer.operations is not None and proposal.operations == 1:
        uninvited.append("an asynchronous operations window")
    if answer.identity_response is not None and not proposal.wants_confirmation:
        uninvited.append("a user identity response")
    return [f"A-ASSOCIATE-AC gives {what}, which was not asked" for what in uninvited]


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
