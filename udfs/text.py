"""What may be changed in a text that is kept, and what can be said about it."""

import re
import unicodedata
from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

_SURROGATE = re.compile("[\ud800-\udfff]")


def clean_text(text: str) -> str:
    """Make a text storable, and change nothing else.

    CRLF and lone CR become LF; a byte order mark at the start and all NULs go; a lone surrogate, which UTF-8 cannot
    hold, becomes U+FFFD. Cleaning a clean text gives the same text.
    """
    if "\0" in text:
        text = text.replace("\0", "")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.isascii():
        text = _SURROGATE.sub("\ufffd", text.lstrip("\ufeff"))
    return text


def key_text(text: str) -> str:
    """Reduce a text to what tells it from another one, for ids only: NFKC, white space runs as one space, stripped."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


_NO_INPUT_LINE = re.compile(
    r"\s*\n[ \t]*(?:input ?: ?)?[\[(<]?\s?(?:no[ _]?input(?: (?:required|needed|given|provided))?"
    r"|n/a|not applicable)\s?/?[\])>]?\.?\s*\Z"
    r"|\s*<\s?no[ _]?input\s?/?>\s*\Z",
    re.IGNORECASE,
)
_ABOUT_THE_WORDS = re.compile(r"abbreviat|acronym|stands? for|mean|translat|spell|word|phrase|classif", re.IGNORECASE)


def strip_no_input(prompt: str) -> str:
    """Take away a last line that only says that there is no input, such as "Noinput", "N/A" or `<noinput>`.

    Generators left it behind; the prompt above it is whole. A prompt that is nothing else stays for the screen to
    refuse, and one about the words themselves ("What does this abbreviation mean?") keeps them.
    """
    match = _NO_INPUT_LINE.search(prompt, max(0, len(prompt) - 80))
    if match is None or not prompt[: match.start()].strip() or _ABOUT_THE_WORDS.search(prompt, 0, match.start()):
        return prompt
    return prompt[: match.start()]


_BREAK = re.compile(r"(?:\\n)+")
# Code and quotations, where a backslash is meant.
_PROTECTED = re.compile(
    r"""```.*?(?:```|\Z)|`[^`\n]*`|"[^"\n]*"|“[^“”\n]*”|‘[^‘’\n]*’|(?<![\w'])[bfru]{0,2}'[^'\n]*'(?!\w)""",
    re.DOTALL,
)
_LATEX_COMMAND = re.compile(
    r"\\n(?:abla|atural|cong|e|earrow|eg|eq|ewcommand|ewline|ewpage|exists|geq|gtr|i|leq|less|mid|obreak|ocite|oindent"
    r"|olimits|onumber|ormalsize|otag|otin|ot|parallel|prec|[Rr]ightarrow|[Ll]eftarrow|sim|subseteq|subset|succ|supseteq"
    r"|triangleleft|triangleright|u|[Vv][Dd]ash|warrow)(?![A-Za-z])"
)
_LINE_END = re.compile(r"[^\s\\`(\[{^|<]\Z|[.?!:;,)\d%$][ ]\Z")
_SENTENCE_END = re.compile(r"[.?!;,)]\Z|[A-Za-z]{2}:\Z")  # one letter and a colon: a drive
_LINE_START = re.compile(r"""[A-Z0-9("{#%-]|[*:][ .]|[^\x00-\x7f]""")
_TAB = re.compile(r"\\t(?=[A-Z0-9(]|\\t)")


def repair_literal_escapes(text: str) -> str | None:
    """Put line breaks where a broken converter left a backslash and an n; null where there is nothing to repair.

    A text is repaired only if each of its escapes reads as a line break: before it a line could end, after it one
    could begin (with a capital, a digit, a bullet, a bracket or a quotation, or in lower case after the end of a
    sentence), and real line breaks are no more frequent. One escape in code, in quotation marks, in a path or a regular
    expression, or named between spaces shows that the text means its backslashes, and then all of it stays. LaTeX
    commands (`\\neq`, `\\nabla`) are left alone. A literal tab is repaired only beside a line break and not before a
    lower-case letter (`\\times`).
    """
    if "\\n" not in text or any("\\n" in match.group() for match in _PROTECTED.finditer(text)):
        return None
    breaks = [match for match in _BREAK.finditer(text) if not _LATEX_COMMAND.match(text, match.end() - 2)]
    if not breaks or text.count("\n") > len(breaks) or not all(_reads_as_line_break(text, match) for match in breaks):
        return None
    parts = []
    end = 0
    for match in breaks:
        parts += [text[end : match.start()], "\n" * (len(match.group()) // 2)]
        end = match.end()
    return _TAB.sub("\t", "".join((*parts, text[end:])))


def _reads_as_line_break(text: str, escape: re.Match[str]) -> bool:
    before = text[max(0, escape.start() - 3) : escape.start()]
    if before and not _LINE_END.search(before):
        return False
    after = text[escape.end() : escape.end() + 2]
    if after[:1].islower() and after.isascii():
        return _SENTENCE_END.search(before) is not None
    return _LINE_START.match(after) is not None and (not before.endswith(" ") or after[0].isupper() or after[0] == "(")


_SAMPLE_CHARS = 300
_FEWEST_LETTERS = 20
_LEAST_PROBABILITY = 0.8
_LEAST_PROBABILITY_OF_ENGLISH = 0.5  # most data is English, so it needs less to be believed
# Small words that other languages do not have, or seldom, and that code does not use either.
_SMALL_WORDS = """
the of and to with that for what how you your this are which have has should their there they about when where why would
who does between following explain describe write these given give be its please because than them into some more
"""
_ENGLISH_WORDS = frozenset(_SMALL_WORDS.split())
_KANA = re.compile(r"[\u3041-\u30ff]")
_HAN = re.compile(r"[\u4e00-\u9fff]")
# Scripts that one language alone is written in, as far as texts on the web go.
_SCRIPTS = {
    "ko": re.compile(r"[\uac00-\ud7a3]"),
    "th": re.compile(r"[\u0e01-\u0e5b]"),
    "el": re.compile(r"[\u0370-\u03ff]"),
    "hy": re.compile(r"[\u0531-\u0587]"),
    "ka": re.compile(r"[\u10d0-\u10ff]"),
}


def detect_language(text: str) -> str | None:
    """The ISO 639-1 code of the language that a text begins in, or null where that is not sure.

    Only the first characters count, so "Translate into French: ..." is English. A text that is mostly in a script of
    one language, or plainly English by its small words, needs no model; for the rest it must be nearly certain.
    """
    sample = text[:_SAMPLE_CHARS]
    letters = sum(map(str.isalpha, sample))
    if not sample.isascii() and (language := _language_of_script(sample, letters)):
        return language
    words = sample.lower().split()
    english = [word for word in words if word in _ENGLISH_WORDS]
    if len(english) * 8 >= len(words) and len(set(english)) >= 3:
        return "en"
    if letters < _FEWEST_LETTERS:
        return None
    code, probability = _identifier().classify(sample)
    least = _LEAST_PROBABILITY_OF_ENGLISH if code == "en" else _LEAST_PROBABILITY
    return code if probability >= least and len(code) == 2 else None


def _language_of_script(sample: str, letters: int) -> str | None:
    kana, han = len(_KANA.findall(sample)), len(_HAN.findall(sample))
    if (kana + han) * 2 > letters:
        return "ja" if kana * 8 > han else "zh"  # Japanese is never without its kana, Chinese may quote some
    return next((code for code, script in _SCRIPTS.items() if len(script.findall(sample)) * 2 > letters), None)


@cache
def _identifier() -> LanguageIdentifier:
    """The model, loaded once per process and only where it is needed."""
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
