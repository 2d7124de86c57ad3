"""Keys that ask for everything although a template was to give them a value.

Zero length matches all (PS3.4 Section C.2.2.2.3), so an empty variable would turn
"this patient" into "every patient". Who wants everything writes the key empty.
"""

from __future__ import annotations

from batchfind.job.model import Lint, Query
from batchfind.plan.keys import Key, Leaf, is_universal
from batchfind.plan.problems import Problems
from batchfind.plan.templates import Scope, Templates


def check_for_nothing(
    query: Query,
    key: Key,
    leaf: Leaf,
    scope: Scope,
    templates: Templates,
    problems: Problems,
) -> None:
    """Notes a key that matches everything because what its template reads is empty.

    Args:
        query: decides whether it is an error.
        key: as written.
        leaf: as rendered in `scope`.
        scope: what names mean in this request.
        templates: knows what the key reads.
        problems: receives an error, or with `lint: lenient` a warning.
    """
    if not is_universal(leaf.text):
        return
    written = [one for one in key.entry.values if templates.is_template(one)]
    empty = dict.fromkeys(
        name for one in written for name in templates.empty_names(one, scope)
    )
    on_purpose = leaf.text.strip() and (key.tested or not empty)
    if not written or on_purpose:
        return  # written empty, or as *, by the author or by a condition of theirs
    names = " and ".join(empty)
    because = f"{names} {'is' if len(empty) == 1 else 'are'} empty"
    message = (
        f"{leaf.path} asks for everything, since"
        f" {because if empty else 'its template gives nothing'}; give"
        f' {names or "it"} a value, or write the key as "" if all are wanted'
    )
    if query.lint is Lint.STRICT:
        message += "; lint: lenient sends it as it is"
        problems.error(leaf.mark, leaf.where, message)
    else:
        problems.warn(leaf.mark, leaf.where, message)
