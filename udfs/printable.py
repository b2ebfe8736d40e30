"""Untrusted text made safe to show: nothing in it commands a terminal, hides, or turns the reading direction.

Data sets, file names, providers and models write what they like. Whoever shows a text of theirs passes it through one
of these first; markup (rich, HTML, Markdown) is escaped by whoever writes that markup.
"""

LINES = "\n\t"
"""Kept where a text may have several lines."""
JOINERS = "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"
"""Not printable, yet part of Hindi, Persian and emoji; kept where the reader's program shapes text."""
MARKS = "\N{LEFT-TO-RIGHT MARK}\N{RIGHT-TO-LEFT MARK}"
"""Not printable, yet part of texts that are written from the right."""


def printable(text: str, keep: str = "") -> str:
    """The text with U+FFFD for each character that cannot be seen; those of `keep` stay as they are."""
    if text.isprintable():
        return text
    return "".join(ch if ch.isprintable() or ch in keep else "\N{REPLACEMENT CHARACTER}" for ch in text)


def printable_excerpt(text: str, limit: int, keep: str = LINES) -> str:
    """The first `limit` characters as `printable`, and how long the text is where that is not all of it."""
    return printable(text[:limit], keep) + (f" … ({len(text):,} characters)" if len(text) > limit else "")


def spelled_out(text: str, limit: int) -> str:
    """One line in which what cannot be seen is spelled as Python spells it: `\\x1b`, `\\u202e`, `\\n`.

    For messages about a text, in which the invisible is what the reader looks for; cut after `limit` characters.
    """
    cut = text if len(text) <= limit else text[:limit] + "..."
    return "".join(ch if ch.isprintable() else ch.encode("unicode_escape").decode("ascii") for ch in cut)
