"""What the checks of prompts share: word lists, and whether a request carries the material it speaks of."""

import re

LONGEST_BARE_REQUEST = 300
"""Characters. A longer prompt carries its material in itself, whatever it calls it."""


def one_of(words: str) -> str:
    """A group that matches any of the comma-separated alternatives, which may be expressions themselves."""
    return f"(?:{'|'.join(words.split(', '))})"


TEXT = one_of(
    "articles?, texts?, passages?, paragraphs?, sentences?, poems?, stor(?:y|ies), essays?, e-?mails?, letters?, "
    "reviews?, excerpts?, documents?, dialogues?, conversations?, headlines?, tweets?, quotes?, lyrics, "
    "transcripts?, "
    "reports?, snippets?, tables?, statements?, claims?, recipes?, speech, blog posts?, comments?"
)

_PROGRAMMING_WORDS = one_of(
    "functions?, programs?, algorithms?, scripts?, methods?, regex, regular expression, code, class(?:es)?, query, "
    "queries, python, java, javascript, sql, html, css, loops?, arrays?, strings?, linked list, tuples?, dictionary, "
    "data ?frame, model, app, application, chatbot, system, pseudo-?code, web ?page, scrap(?:er|ing|e), https?, "
    "api, parse"
)
PROGRAMMING = re.compile(rf"\b{_PROGRAMMING_WORDS}\b")
"""A programming task: "sort a given list" is complete, since the list is a parameter."""

_MATERIAL = re.compile(
    r'["“”«»„`{}\[\]<>=|]'
    r"|(?<!\w)'\w"
    r"|:[ \t]*\S"
    r"|https?://|www\."
    r"|\d\s*[,;]\s*-?\d"
    r"|\n\s*\S"
    r"|[?!.]\s+(?:[a-d]\)|\(|\d+[.)])"
    r"|\w+,\s+\w+,\s+(?:and |or )?\w+"
)
_SENTENCE_END = re.compile(r"[.?!]+(?:\s+|\Z)")
_GLUED_SENTENCE = re.compile(r"[a-z)][.?!:]?[A-Z][a-z' ]|[a-z)][.?!][^\W\d_]+")
_NAMED = re.compile(
    r"\s+(?:(?!I\b)[A-Z][\w'-]*(?: [\w',-]+){2}|(?:\w+ )?-?\d[\d.,/]*(?:\s+(?:and |or )?-?\d[\d.,/]*)+)"
)
_CONNECTIVES = one_of("and, but, then, also, please, now, finally, first, next")
_ORDER_OPENINGS = one_of(
    "you, your, use, using, output, return, tell, give, write, find, list, name, explain, describe, make, do, don't, "
    "does, did, is, are, was, be, can, could, would, should, will, how, what, which, who, why, when, where, include, "
    "the (?:first|last|output|answer|result|response|format|following), choose, select, identify, classify, rewrite, "
    "read, create, generate, provide, it, if, for example, e\\.g, i want, i need, answer, summari[sz]e, determine, "
    "compare, all, each, one"
)
_ORDER = re.compile(rf"(?:{_CONNECTIVES} )*{_ORDER_OPENINGS}\b")


def may_hold_material(text: str) -> bool:
    """Whether a folded prompt has anything that could be the text, list or number that it speaks of."""
    return len(text) > LONGEST_BARE_REQUEST or _MATERIAL.search(text) is not None


def stands_beside(original: str, text: str, match: "re.Match[str]") -> bool:
    """Whether a neighbouring sentence is the material: "Rewrite this sentence. The cat sat on the mat."

    A sentence that opens like one more order to the writer is none: "Output one word."
    """
    if _GLUED_SENTENCE.search(original):
        return True
    start = 0
    for end in [*(stop.end() for stop in _SENTENCE_END.finditer(text)), len(text)]:
        sentence = text[start:end].strip()
        if sentence and not start <= match.start() < end and not _ORDER.match(sentence):
            return True
        start = end
    return "question" in match.group() and "?" in text[match.end() :]


def named_after(original: str, text: str, match: "re.Match[str]") -> bool:
    """Whether the material stands in the same sentence without any mark: "the following sentence She go to school".

    What follows at once then begins with a capital, or is numbers.
    """
    if len(original) != len(text):  # a letter whose small form has two characters: the places do not agree
        return False
    return _NAMED.match(original, match.end()) is not None


def introduced_before(text: str, match: "re.Match[str]") -> bool:
    """Whether the thing is one that the prompt itself asks for: "Write a poem. This poem ..."."""
    noun = re.escape(match.group().split()[-1].strip(".:?"))
    return re.search(rf"\b(?:an?|your|own|one|some) (?:\w+ ){{0,3}}{noun}\b", text[: match.start()]) is not None
