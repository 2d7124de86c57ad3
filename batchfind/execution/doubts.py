"""What speaks against a single answer that ended as a success."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from batchfind.capture.records import Cause, Ending, Outcome, StoredAttempt
from batchfind.execution.caps import Doubt
from batchfind.execution.contribution import contributing
from batchfind.execution.findings import NOTHING_FOUND, Findings
from batchfind.execution.wording import plural, whom
from batchfind.plan.characters import texts_of
from batchfind.plan.model import PlannedPeer, Request

_NAMED_KEYS = 3

ASSUMPTIONS = {
    "unset-time-unproven": (
        "steps under a day cannot prove that responses without a time came",
        "use step: 1d",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the rest of the run says about one answer.

    Attributes:
        cap: why the peer may have more, or None.
        charset_proven: another answer shows that the peer understands keys beyond
            ASCII in this request's character set.
        relied_on: dotted paths of keys by which rows were shared out among requests;
            None when that may be any key.
        divided_by: dotted paths of those keys in which the requests differ.
        piece: it was cut from another; UIDs asked for as a list, and rows that match,
            are looked for in the whole family.
        refused: why the requests born of its answer were not asked, or empty.
    """

    cap: Doubt | None = None
    charset_proven: bool = True
    relied_on: frozenset[str] | None = frozenset()
    divided_by: frozenset[str] = frozenset()
    piece: bool = False
    refused: str = ""


def is_beyond_ascii(request: Request) -> bool:
    """Whether a matching key holds text that ASCII does not."""
    return any(not text.isascii() for text in texts_of(request.identifier))


def first_doubt(
    request: Request,
    peer: PlannedPeer,
    ending: Ending,
    findings: Findings | None,
    around: Surroundings,
) -> Cause | None:
    """Why a success may still not be the whole truth; the first that applies.

    Args:
        request: that succeeded.
        peer: its peer.
        ending: of the attempt that counts.
        findings: None while its rows were not read: what needs them is not asked.
        around: what other answers say.
    """
    found = findings or NOTHING_FOUND
    doubts = (
        malformed(request, peer, found),
        around.cap.cause if around.cap is not None else None,
        ignored_key(request, peer, found, around.relied_on),
        contradicted_key(request, peer, found, around.divided_by),
        None if around.piece else nothing_matched(request, peer, found),
        None if around.piece else short_list(request, peer, findings),
        _unproven_charset(request, peer, ending, around),
        _assumption(request, peer),
    )
    return next((doubt for doubt in doubts if doubt is not None), None)


def malformed(request: Request, peer: PlannedPeer, findings: Findings) -> Cause | None:
    """Some of its responses cannot be decoded."""
    if not findings.defects:
        return None
    count = sum(findings.defects.values())
    kinds = ", ".join(sorted(findings.defects))
    return Cause(
        code="malformed",
        message=(
            f"{whom(request, peer)}: {plural(count, 'response')} cannot be decoded "
            f"({kinds})"
        ),
        hint="their bytes are in the capture; column bf_defect says where they break",
    )


def ignored_key(
    request: Request,
    peer: PlannedPeer,
    findings: Findings,
    relied_on: frozenset[str] | None,
) -> Cause | None:
    """A key that was to share rows out among requests is in none of them.

    Args:
        request: whose rows were read.
        peer: its peer.
        findings: of those rows.
        relied_on: dotted paths of such keys; None for any key.
    """
    keys = [key for key in findings.absent if relied_on is None or key in relied_on]
    if not keys:
        return None
    return Cause(
        code="key-ignored",
        message=(
            f"{whom(request, peer)}: {_ignored(keys, findings)}, so that nobody can "
            "tell whether the requests that differ in it cover everything"
        ),
        hint="do not divide the query by this key: take it from any_of, window or then",
    )


def contradicted_key(
    request: Request,
    peer: PlannedPeer,
    findings: Findings,
    divided_by: frozenset[str],
) -> Cause | None:
    """Some response contradicts a key that was to share rows out among requests.

    Args:
        request: whose rows were read.
        peer: its peer.
        findings: of those rows.
        divided_by: dotted paths of such keys.
    """
    keys = [key for key in findings.contradicted if key in divided_by]
    if not keys:
        return None
    noun, them = ("keys", "them") if len(keys) > 1 else ("key", "it")
    return Cause(
        code="key-ignored",
        message=(
            f"{whom(request, peer)}: some responses contradict the {noun} "
            f"{_shown(keys)}: the peer ignores {them}, so that nobody can tell whether "
            "the requests that differ in it cover everything"
        ),
        hint=(
            "the column bf_mismatch tells which responses; do not divide the query by "
            "this key: take it from for_each, any_of, window or then"
        ),
    )


def fewer_than_before(
    request: Request, peer: PlannedPeer, attempts: Sequence[StoredAttempt]
) -> Cause | None:
    """The success that counts has fewer responses than another try before it."""
    attempt = contributing(attempts)
    ending = attempt.ending if attempt is not None else None
    if attempt is None or ending is None or ending.outcome is not Outcome.SUCCESS:
        return None
    others = (one.ending for one in attempts if one.ordinal < attempt.ordinal)
    most = max((one.responses for one in others if one is not None), default=0)
    if most <= ending.responses:
        return None
    return Cause(
        code="answers-differ",
        message=(
            f"{whom(request, peer)}: an earlier try brought "
            f"{plural(most, 'response')}, the one that ended with success "
            f"{ending.responses:,}"
        ),
        hint=(
            "run again; if it happens again, look at the peer's log: it may end with "
            "success when it is overloaded"
        ),
    )


def nothing_matched(
    request: Request, peer: PlannedPeer, findings: Findings
) -> Cause | None:
    """All of its responses were left out: more likely a key was ignored."""
    if not findings.dropped or findings.dropped < findings.read:
        return None
    count = plural(findings.dropped, "response")
    return Cause(
        code="nothing-matched",
        message=(
            f"{whom(request, peer)}: {count}, all left out since none matches the "
            "keys asked by: the peer may ignore one of them"
        ),
        hint="set verify_matches: warn to see those rows, and leave out that key",
    )


def short_list(
    request: Request, peer: PlannedPeer, findings: Findings | None
) -> Cause | None:
    """UIDs asked as one list, of which some came back with nothing."""
    if findings is None or len(request.batch) < 2:
        return None
    missing = set(request.batch) - findings.returned
    if not missing:
        return None
    return Cause(
        code="batch-unproven",
        message=(
            f"{whom(request, peer)}: {len(missing)} of {len(request.batch)} UIDs "
            "asked as one list came back with nothing; the peer may not match lists"
        ),
        hint="set rows.batch: 1 to ask each UID alone",
    )


def _unproven_charset(
    request: Request, peer: PlannedPeer, ending: Ending, around: Surroundings
) -> Cause | None:
    if around.charset_proven or ending.responses or not is_beyond_ascii(request):
        return None
    terms = "\\".join(request.charset) or "the default repertoire"
    return Cause(
        code="charset-unproven",
        message=(
            f"{whom(request, peer)}: a key beyond ASCII found nothing, and no other "
            f"answer shows that the peer understands such keys in {terms}"
        ),
        hint="set the peer's charset.request to the character set it stores text in",
    )


def _assumption(request: Request, peer: PlannedPeer) -> Cause | None:
    if not request.assumption:
        return None
    message, hint = ASSUMPTIONS[request.assumption]
    return Cause(
        code=request.assumption,
        message=f"{whom(request, peer)}: {message}",
        hint=hint,
    )


def growth_refused(why: str) -> Cause:
    """Requests that an answer gave rise to were more than are allowed."""
    return Cause(
        code="limit",
        message=why,
        hint="raise the limit it names, or ask for less in one job",
        phase="plan",
    )


def warnings_of(
    request: Request,
    peer: PlannedPeer,
    endings: Sequence[Ending],
    findings: Findings,
) -> Iterator[str]:
    """What to know about an answer whatever its verdict, one sentence each.

    Args:
        request: that was asked; a root that was cut stands for all its pieces.
        peer: its peer.
        endings: of the attempts that count, one a piece.
        findings: of all their rows.
    """
    yield from dict.fromkeys(text for one in endings for text in one.warnings)
    cap = peer.limits.response_cap.at(request.level)
    most = max((one.responses for one in endings), default=0)
    if cap is not None and most > cap:
        yield (
            f"{plural(most, 'response')}, more than the peer's declared response_cap "
            f"of {cap:,}: correct it"
        )
    yield from (_ignored([key], findings) for key in findings.absent)
    if findings.mismatches:
        yield _mismatched(findings.mismatches, findings.dropped)
    if findings.replaced:
        yield (
            f"{plural(findings.replaced, 'byte')} could not be decoded in the declared "
            "character set and became U+FFFD; see charset.assume and charset.override"
        )
    if findings.conflicts:
        yield (
            f"{plural(findings.conflicts, 'row')} of different requests with the same "
            "identity and different content: only the last of each is kept"
        )
    yield from findings.warnings


def _mismatched(count: int, dropped: int) -> str:
    told = f"{plural(count, 'response')} did not match the keys asked by"
    if not dropped:
        return told
    whole = "and" if dropped == count else f"and {dropped:,} of them"
    return f"{told}, {whole} {'was' if dropped == 1 else 'were'} left out"


def _ignored(keys: list[str] | tuple[str, ...], findings: Findings) -> str:
    noun, them = ("keys", "them") if len(keys) > 1 else ("key", "it")
    says = "; the peer says so (status FF01)" if findings.reserved else ""
    told = f"no response holds the matching {noun} {_shown(keys)}"
    return f"{told}: the peer ignores {them}{says}"


def _shown(keys: Sequence[str]) -> str:
    shown = list(keys[:_NAMED_KEYS])
    if len(keys) > len(shown):
        shown.append(f"{len(keys) - len(shown)} more")
    return ", ".join(shown)
