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

# What a page, a screen or an upload leaves behind where its picture stood.
_MARK = re.compile(
    r"\[(?:picture|photo|image|img|figure|video|audio|attachment|screenshot|图片|图像|图|照片|附件)(?: ?\d{1,2}"
    r"| (?:here|attached|below|omitted))?\]"
    r"|<(?:picture|photo|image|figure|screenshot|图片)(?: ?\d{1,2})?>"
    r"|\((?:picture|photo|image|see (?:the )?(?:picture|photo|image|attachment|figure)|attached)\)"
    r"|\b(?:uploaded_file|image_url)\b|【(?:图片|图|附件)】|（(?:图片|见图|如图)）"
)
_MARK_MEANT = re.compile(
    r"html|markdown|markup|placeholder|token|template|\btags?\b|tutorial|storyboard|caption for|alt text|layout"
    r"|bbcode|forum|标签|占位"
)
_SIGHT_ZH = re.compile(
    r"(?:下图|上图|如图|图中|附图|这[张幅个]图|这张照片|图片中|(?:上传|附上)的(?:图片|文件|文档)|附件中)"
)
_LONGEST_ZH = 120
"""Characters; a longer prompt may describe the picture, or hold a passage that speaks of one."""

_TOOL_SIGNATURE = re.compile(r"^\w+\(\w*\)$", re.MULTILINE)


def needs_url_or_image(subject: Subject) -> str | None:
    """The prompt asks to look at a page, picture, video or file that a text model cannot open."""
    text = subject.folded.strip()
    mark = _MARK.search(text) or (_SIGHT_ZH.search(text) if len(text) <= _LONGEST_ZH else None)
    if mark is not None and not subject.has_context:
        return None if _MARK_MEANT.search(text) or PROGRAMMING.search(text) else mark.group()
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
