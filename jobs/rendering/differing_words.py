"""Where two near-duplicates differ: runs of words of one text, marked where the other text lacks them."""

import re
from difflib import SequenceMatcher

_COMPARED_CHARS = 6_000
"""Longer texts are compared up to here: the cost grows with the square of the words."""
_ELLIPSIS = " … "
_WORD = re.compile(r"\S+\s*")

Run = tuple[str, bool]
"""Some words, and whether the twin lacks them."""


def differing_words(text: str, twin: str, context: int = 8, limit: int = 400) -> list[Run]:
    """Cut a text down to what its twin lacks and the words around it.

    Args:
        text: what is shown.
        twin: what it is compared with.
        context: words to keep on each side of a difference.
        limit: characters after which the rest is left out.

    Returns:
        Runs that make up the text in order, with an ellipsis for what both share in between.
    """
    words, others = (_WORD.findall(whole[:_COMPARED_CHARS]) for whole in (text, twin))
    matcher = SequenceMatcher(None, [word.strip() for word in words], [word.strip() for word in others], autojunk=False)
    runs: list[Run] = []
    for kind, start, end, _, _ in matcher.get_opcodes():
        shown = words[start:end]
        if kind == "equal":
            runs.append((_middle_out(shown, context, is_first=start == 0, is_last=end == len(words)), False))
        elif shown:
            marked = "".join(shown)
            runs += [(marked.rstrip(), True), (marked[len(marked.rstrip()) :], False)]
    return _cut(runs, limit, is_whole=len(text) <= _COMPARED_CHARS)


def _middle_out(words: list[str], context: int, *, is_first: bool, is_last: bool) -> str:
    """Shared words without those that are far from a difference; the opening stays, to say what it is about."""
    if len(words) <= 2 * context + 1:
        return "".join(words)
    tail = [] if is_last and not is_first else words[-context:]
    return "".join(words[:context]).rstrip() + _ELLIPSIS + "".join(tail)


def _cut(runs: list[Run], limit: int, *, is_whole: bool) -> list[Run]:
    kept: list[Run] = []
    for run, differs in runs:
        if len(run) > limit:
            return [*kept, (run[:limit] + " …", differs)]
        limit -= len(run)
        kept.append((run, differs))
    return kept if is_whole else [*kept, (_ELLIPSIS, False)]
