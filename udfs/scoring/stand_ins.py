"""Answers of which the whole is a stand-in: "N/A", a label with nothing behind it, filler text, a service's error.

The same words can be a right answer: to "What does this print?", or where the prompt holds a text in which nothing is
to be found. So what the prompt asks for decides.
"""

import re

from udfs.scoring.pair_text import PairText

_NO_ANSWER = re.compile(
    r"(?:n/a|n\.a\.|no (?:output|input|answer|response|data|content)(?: (?:needed|required|provided|given|available"
    r"|generated))?|no(?:output|input|answer|response)|not (?:available|applicable)|tbd|todo"
    r"|(?:your |insert |the )?(?:answer|response|text|content|output)(?: goes)? here"
    r"|\[(?:your |insert |the )?(?:answer|response|text|content|output)\]"
    r"|无|無|没有(?:输入|输出|答案)|[无無](?:输入|输出|答案|輸入|輸出)|不适用|なし|該当なし|нет (?:ответа|данных)"
    r"|keine (?:antwort|eingabe|ausgabe)|sin (?:respuesta|salida)|no aplica|sans objet|aucune réponse)"
)
_NOTHING = re.compile(r"(?:none|nan|null|undefined)")
"""A value that many questions may have; no story, explanation or list has it."""
_LABEL = re.compile(
    r"(?:answer|output|response|result|solution|assistant|translation|答案|回答|输出|輸出|antwort|réponse"
    r"|respuesta|ответ)\s*[:：]"
)
_ERROR = re.compile(
    r"(?:error ?[:\-] ?)?(?:(?:http )?(?:429|500|502|503|504)\b[ :\-]*)?(?:internal server error|network error"
    r"|bad gateway|service unavailable|gateway time-?out|too many requests|rate limit (?:exceeded|reached)"
    r"|request timed out|something went wrong\b.*|an error occurred\b.*|there was an error generating a response\b.*"
    r"|the server (?:had an error|is overloaded)\b.*|this model's maximum context length is\b.*)"
    r"|#(?:error|name|ref|value|n/a|div/0)[!?]?|\[object object\]",
    re.DOTALL,
)
_FILLER = re.compile(r"\W*lorem ipsum\b")
_LONGEST = 200
"""Characters. An error message is short; who writes more explains one."""

_ASKED = re.compile(
    r"\bn/?a\b|\bn\.a\.|applicable|\bno (?:output|input|answer|response|data|content)\b|\bnull\b|\bnone\b|available"
    r"|\btodo\b|\btbd\b|\b(?:print|output|return|display|evaluat|execut)\w{0,3}\b|如果没有|无|無|なし"
)
_PRODUCES = re.compile(
    r"\A\W{0,3}(?:please )?(?:(?:can|could) you )?(?:describe|explain|write|compose|tell|generate|create|summari[sz]e"
    r"|discuss|suggest|draft)\b"
)
_ERRORS_ASKED = re.compile(
    r"error|message|http|status|server|exception|spreadsheet|excel|javascript|api\b|simulat|act as"
)
_FILLER_ASKED = re.compile(r"lorem|placeholder|filler|dummy|sample|latin|html|css|template|layout|web ?page")
_SHORT_QUESTION = 160
"""Characters of a prompt in one line: it holds no text of which the answer could be that it says nothing."""
_AROUND = ".!。<>()*_\"' \n\t"


def is_stand_in(pair: PairText) -> bool:
    """Whether the whole answer stands in the place of one, and the prompt cannot mean that."""
    text = pair.subject.folded.strip()
    if len(text) > _LONGEST:
        return _FILLER.match(text) is not None and not _FILLER_ASKED.search(pair.asked)
    bare = text.strip(_AROUND)
    if _ERROR.fullmatch(bare) or _ERROR.fullmatch(text):
        return not _ERRORS_ASKED.search(pair.asked)
    if _FILLER.match(text):
        return not _FILLER_ASKED.search(pair.asked)
    if _LABEL.fullmatch(text.strip("*_ \n")):
        return True
    if _ASKED.search(pair.asked):
        return False
    if _NO_ANSWER.fullmatch(bare) or _NO_ANSWER.fullmatch(bare.strip("[]")):
        return not _asks_of_a_text(pair.asked)
    return _NOTHING.fullmatch(bare) is not None and _PRODUCES.match(pair.asked) is not None and _has_no_text(pair.asked)


def _asks_of_a_text(asked: str) -> bool:
    """Whether a question may find nothing in what stands beside it."""
    return ("?" in asked or "？" in asked) and not _has_no_text(asked)


def _has_no_text(asked: str) -> bool:
    return len(asked) <= _SHORT_QUESTION and "\n" not in asked.strip()
