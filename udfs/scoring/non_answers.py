"""Answers that are none: one symbol over and over, declining, asking back.

Told by how a short answer begins, in the languages that public sets are written in. An apology or a question that
goes on to answer is an answer, and so is one that the prompt asks for ("say I don't know if ...").
"""

import re

from udfs.scoring.asking_back import APOLOGY, ASKS_BACK, OPENING
from udfs.scoring.pair_text import PairText

_SYMBOL_OVER_AND_OVER = re.compile(
    r"([^\w\s\-=*#.~+|─━]{1,2}?)(?:\s?\1){99}|([-=*#.~+|\d])\2{999}|([^\w\s]{1,2}?)(?:\s?\3){999}"
)
# Pieces of a text that stand so far apart that the shortest such row has a whole one, and their length; a symbol's
# characters and the white space between two of them.
_APART, _PIECE, _FEW_CHARACTERS = 80, 20, 5
_REPETITION_ASKED = re.compile(r"repeat|\btimes\b|draw|ascii|pattern|\bprint|\bfill|\bart\b|重复|繰り返")

_CANNOT = (
    r"(?:i(?:'m| am)? ?(?:really |just |currently |afraid )?(?:(?:can't|cannot|can not)(?! (?:be sure|say for sure"
    r"|imagine|wait))|couldn't"
    r"|not (?:sure (?:what|if i|how to|i|that|about|exactly)(?! (?:about )?(?:this|that),? but)"
    r"|able to|allowed to|comfortable|familiar with)"
    r"|unable to (?:answer|help|assist|provide|find|locate|determine|understand|do|process|comply|complete|generate)"
    r"|(?:do not|don't|did not|didn't|still don't) (?:quite |really |fully )?(?:know(?! (?:of|about)\b)"
    r"|have (?:any |enough |the |access|an answer|information|sufficient))"
    r"|have no idea))\b"
)
_CANNOT_ELSEWHERE = (
    # Chinese, Japanese, Korean
    r"(?:很?抱歉|对不起|非常抱歉|不好意思|抱歉)[，,。！!\s]{0,2}[^。！？\n]{0,12}(?:无法|不能|没有|不会|不太|不清楚|不知道)"
    r"|我?(?:无法|不能)(?:回答|理解|确定|提供|完成|处理|识别|看到|访问)|我(?:不知道|不清楚)"
    r"|(?:作为|身为)(?:一[个名款种])?(?:ai|人工智能|大?型?语言模型|虚拟助手)[^。\n]{0,20}(?:无法|不能|没有)"
    r"|(?:申し訳(?:ありません|ございません)|すみません|ごめんなさい)[^\n]{0,30}(?:できません|できかねます"
    r"|わかりません|ありません)"
    r"|(?:죄송합니다|죄송하지만|미안합니다)[^\n]{0,40}(?:없습니다|못합니다|모르겠습니다)"
    # Spanish, Portuguese, Italian, French, German, Dutch, Russian
    r"|(?:lo siento|disculp[ae]|perdón|desculp[ae]|sinto muito|mi dispiace|désolée?|je suis désolée?|excusez-moi"
    r"|(?:es )?tut mir leid|entschuldig\w+|leider|het spijt me|sorry|извините|к сожалению|простите"
    r"|сожалею)\b[^\n]{0,50}?"
    r"\b(?:no (?:puedo|entiendo|tengo|sé)|não (?:posso|entendo|tenho|sei)|non (?:posso|capisco|ho|so)"
    r"|je ne (?:peux|comprends|sais|dispose)|nicht\b|keine?\b|kan ik|niet\b|не (?:могу|понимаю|знаю|имею)"
    r"|нет (?:информации|данных))"
    r"|ich (?:kann|weiß)(?: \w+){0,3} nicht\b|no sé\b|je ne sais pas\b|я не знаю\b|не знаю\b"
)
_DECLINES = re.compile(
    rf"{OPENING}(?:(?:{APOLOGY})?{_CANNOT}|{APOLOGY}(?:we're not allowed|(?:this|that|the) question is)"
    rf"|(?:i'm |i am )?sorry[.!]?\s*\Z|{_CANNOT_ELSEWHERE})"
)

_TOKENS = 60
"""Of an answer that only declines; what follows an apology at greater length is an answer all the same."""
_TOKENS_CJK = 90

_START_CHARS = 240
_GOES_ON = re.compile(
    r"\b(?:but|however|although|though|instead|perhaps|maybe|suggest|aber|jedoch|allerdings|pero|sin embargo|mas|porém"
    r"|mais|cependant|ma|però|maar|echter|но|однако|зато)\b|:\s|\n\s*(?:[-*•]|\d+[.)])|但|不过|而是|可以|しかし|ですが"
    r"|하지만|그러나"
)
"""What turns to an answer, after the words of asking: the "but" of an apology ("sorry, but") comes before them."""

_ASKED_TO_DECLINE = re.compile(
    r"re-?word|indirect question|(?:generate|write|ask|form|create|make)\w* (?:an? |the )?(?:\w+ )?question"
    r"|would you (?:say|respond|reply)"
    r"|do(?:n't| not) know|not sure|unsure|apolog|sorry|unable|cannot|can't|declin|refus|reject|excuse|clarif"
    r"|ask (?:me|for|back)|\b(?:should|would|might|to|do|can|could) (?:\w+ ){0,4}(?:say|ask)\b"
    r"|questions? (?:\w+ ){0,3}(?:ask|for|to)\b|polite"
    r"|act as|pretend|imagine|role-?play|\bscene\b|dialogue|translat|rewrite|rephrase|paraphras|convert|correct"
    r"|complete"
    r"|fill in|(?:write|draft|compose|send|prepare)[^.\n]{0,40}(?:mail|letter|message|text|note)|respon(?:d|se) to"
    r"|repl(?:y|ies) to|道歉|翻译|拒绝|改写|扮演|客服|邮件|礼貌|übersetz|höflich|schreib|formulier|fragen?\b|traduc"
    r"|traduis|écri[st]|demand|courriel|poli\b|escrib|pregunt|correo|cortés|escrev|pergunt|educad|scriv|chied|cortes"
    r"|\bsagt?\b|\bsagen\b|\bheißt\b|\bdic[eo]n?\b|\bdigo\b|\bdecir\b|\bdi[rst]e?\b|как сказать|怎么说|言い方|返事|例"
    r"|перевед|напиши|вежлив|спроси|丁寧|メール|書いて|質問して|작성|정중"
)
"""A prompt of that kind may well be answered by words of declining or asking."""


def is_one_symbol(pair: PairText) -> bool:
    """Whether a symbol stands a hundred times in a row, a digit or a ruling a thousand times."""
    text = pair.subject.text
    # In such a row stands a piece of few different characters, which is found in a tenth of the time.
    pieces = (text[start : start + _PIECE] for start in range(0, len(text) - _PIECE + 1, _APART))
    if min(map(len, map(set, pieces)), default=_PIECE) > _FEW_CHARACTERS:
        return False
    return _SYMBOL_OVER_AND_OVER.search(text) is not None and not _REPETITION_ASKED.search(pair.asked)


def asks_back(pair: PairText) -> bool:
    """Whether a short answer does not understand or asks for what it was not given, and says nothing else."""
    found = _opening(pair, ASKS_BACK)
    return found is not None and _GOES_ON.search(pair.subject.folded.strip(), found.end()) is None


def declines(pair: PairText) -> bool:
    """Whether a short answer begins like one that declines or asks back.

    A guess: "I don't know" and "I can't" open full answers as often as none ("I don't know. I'd suggest ...").
    """
    return _opening(pair, ASKS_BACK) is not None or _opening(pair, _DECLINES) is not None


def _opening(pair: PairText, pattern: re.Pattern[str]) -> re.Match[str] | None:
    if len(pair.tokens) >= (_TOKENS_CJK if pair.is_cjk else _TOKENS):
        return None
    found = pattern.search(pair.subject.folded.strip(), 0, _START_CHARS)
    return None if found is None or _ASKED_TO_DECLINE.search(pair.asked) else found
