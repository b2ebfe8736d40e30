"""Does the prompt ask to look at something that a text model cannot open?"""

import re

from udfs.screen.subject import Subject
from udfs.screen.wording import (
    LONGEST_BARE_REQUEST,
    PROGRAMMING,
    TEXT,
    introduced_before,
    may_hold_material,
    one_of,
    stands_beside,
)

_PICTURE = one_of("image, picture, photo, photograph, video, audio, screenshot")
_SEEN = one_of(
    "images?, pictures?, photos?, photographs?, screenshots?, videos?, clips?, paintings?, drawings?, pdfs?, files?, "
    "attachments?, audio(?: \\w+)?, recordings?, podcasts?, songs?, websites?, web ?pages?, pages?, links?, "
    "urls?, memes?, "
    "graphs?, charts?, diagrams?"
)
_SIGHT = re.compile(
    rf"\b(?:(?:the|these|this) )?(?:attached|following|given) (?:\w+ )?{_SEEN}\b"
    rf"|\b(?:this|these) {_SEEN}\b"
    rf"|\b{_SEEN} (?:shown |given |attached )?(?:below|above)\b"
    rf"|\b(?:shown|seen|depicted) in the {_PICTURE}\b"
    rf"|\bgiven an? {_PICTURE}\b"
)

# example.com and its like are reserved as stand-ins: nobody means them to be opened.
_URL = re.compile(r"(?:https?://|\bwww\.)(?!(?:www\.)?example\d?\.)\S+")
_OPENING = one_of(
    "summar(?:y|i[sz]e), outline, main (?:points?|idea), key points, review, read, visit, open, watch, listen, "
    "look (?:at|through), browse, fetch, scrape, retrieve, extract, (?:contents?|text) (?:of|from), describe, "
    "what is this, "
    "explain how this, translate, transcribe, predict the genre, improve th(?:is|e)"
)
_LOOK_AT_LINK = re.compile(
    rf"\b{_OPENING}\b"
    r"|\b(?:this|these|the following|the given|given an?|given the) (?:\w+ )?"
    rf"(?:{TEXT}|{_SEEN}|sites?|game|paper|restaurant)\b"
)
_ADDRESS_WORDS = one_of(
    "domains?, subdomains?, black ?listed, safe, unsafe, spam, spelled, valid, contains?, shorten, parse, "
    "encode, decode, "
    "split, format, regex, is (?:it|this|the given string) (?:an?|the) url, extract the \\w+ name, like or dislike, "
    "belongs? to, trust, rank, categor(?:y|ies), classify, error"
)
_ABOUT_THE_ADDRESS = re.compile(rf"\b{_ADDRESS_WORDS}\b")
"""The address itself is what such a request is about; nobody has to open it."""

_TOOL_SIGNATURE = re.compile(r"^\w+\(\w*\)$", re.MULTILINE)


def needs_url_or_image(subject: Subject) -> str | None:
    """The prompt asks to look at a page, picture, video or file that a text model cannot open."""
    text = subject.folded.strip()
    link = _URL.search(text) if "://" in text or "www." in text else None
    if link is None:
        return _unseen_picture(subject, text)
    words = _URL.sub(" ", text)
    if len(words) > LONGEST_BARE_REQUEST or _TOOL_SIGNATURE.search(words) or PROGRAMMING.search(words):
        return None
    if _ABOUT_THE_ADDRESS.search(words) or not _LOOK_AT_LINK.search(words):
        return None
    return link.group()


def _unseen_picture(subject: Subject, text: str) -> str | None:
    if subject.has_context or may_hold_material(text):
        return None
    match = _SIGHT.search(text)
    if match is None or PROGRAMMING.search(text) or introduced_before(text, match):
        return None
    return None if stands_beside(subject.text, text, match) else match.group()
