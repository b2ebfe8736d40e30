"""Answers that are none: a stand-in such as "N/A", one symbol over and over, declining, asking back.

Told by how a short answer begins, in the languages that public sets are written in. An apology or a question that
goes on to answer is an answer, and so is one that the prompt asks for ("say I don't know if ...").
"""

import re

from udfs.scoring.pair_text import PairText

_STAND_IN = re.compile(
    r"(?:n/a|n\.a\.|no ?(?:output|input|answer|response|data|content)|not (?:available|applicable)|tbd|todo|null"
    r"|无|没有(?:输入|输出|答案)|无(?:输入|输出|答案)|不适用|なし|該当なし|нет (?:ответа|данных)|keine (?:antwort"
    r"|eingabe)"
    r"|sin respuesta|no aplica|sans objet)"
)
_STAND_IN_ASKED = re.compile(
    r"\bn/?a\b|\bn\.a\.|applicable|\bno (?:output|input|answer|response|data|content)\b|\bnull\b|\bnone\b|available"
    r"|\btodo\b"
    r"|\btbd\b|\b(?:print|output|return)\w{0,3}\b|[?？]\s*\Z|如果没有|无|なし"
)

_SYMBOL_OVER_AND_OVER = re.compile(
    r"([^\w\s\-=*#.~+|─━]{1,2}?)(?:\s?\1){99}|([-=*#.~+|\d])\2{999}|([^\w\s]{1,2}?)(?:\s?\3){999}"
)
# Half of the shortest such row; a symbol's characters and the white space between two of them.
_PIECE, _FEW_CHARACTERS = 50, 8
_REPETITION_ASKED = re.compile(r"repeat|\btimes\b|draw|ascii|pattern|\bprint|\bfill|\bart\b|重复|繰り返")

_START = r"\A\W{0,3}(?:(?:ok(?:ay)?|oh|um+|hm+|well|unfortunately|hi|hello)[,.! ]{1,3})?"
_APOLOGY = (
    r"(?:(?:(?:i'?m|i am) (?:\w+ly |so |very )?)?(?:sorry|afraid)|my apologies|i (?:\w+ly )?apologi[sz]e)"
    r"(?: (?:for|about) [^.,!?\n]{0,40})?[,.!]{0,2} (?:but |that |however,? )?"
)
_NOT_UNDERSTOOD = (
    r"(?:i(?:'m| am) (?:\w+ )?not sure (?:what you(?: mean| want|(?:'re| are) (?:asking|saying|talking|referring))"
    r"|i (?:quite |really |fully )?(?:understand|follow))"
    r"|i (?:really |still )?(?:do not|don't|did not|didn't) (?:quite |really |fully |think i )?"
    r"(?:understand|get what|see what|follow)\b"
    r"|i (?:\w+ )?have no idea what you)"
)
_ASKS = (
    r"(?:(?:could|can|would|will) you (?:please )?(?:clarify|rephrase|elaborate|be more specific|repeat"
    r"|(?:explain|tell me|specify)(?: \w+)? (?:what|which|more)"
    r"|(?:provide|give me|share|send|paste|tell me)(?: \w+){0,3} (?:context|information|details|text|article|passage"
    r"|sentence|code|input|list|data|file|image|link|example))"
    r"|what (?:exactly )?do you mean|please (?:clarify|rephrase"
    r"|(?:provide|share|paste|give|enter|upload|send)(?: \w+){0,4} (?:context|information|details|text|article"
    r"|passage|sentence"
    r"|paragraph|code|input|list|data|file|image|link|question|document)s?\b)"
    r"|(?:it (?:seems|looks|appears)(?: like)?|i notice(?:d)?)(?: that)? (?:you (?:haven't|have not|didn't|did not"
    r"|forgot)"
    r"|there (?:is|was|are) no |the (?:\w+ ){1,3}(?:is|was|are) (?:missing|not (?:provided|included|attached)))"
    r"|you (?:haven't|have not|didn't|did not) (?:provide|include|give|attach|specif|share|mention)\w*"
    r"|there (?:is|was) no (?:\w+ )?(?:text|article|passage|sentence|input|image|question|code|attachment|information)"
    r" (?:provided|given|attached|included|in your)|no (?:input|text|article|context|information) (?:was |is "
    r"|has been )?"
    r"(?:provided|given|attached)"
    r"|i (?:\w+ )?need (?:more|some more|additional|further) (?:info|context|details|clarif))"
)
_ASKS_ELSEWHERE = (
    # Chinese: you have not given / please give / I do not understand
    r"(?:(?:很?抱歉|对不起|非常抱歉|不好意思|抱歉)[，,。！!\s]{0,2}[^。！？\n]{0,12}(?:需要更多|不明白|不理解|没有(?:提供|给出)))"
    r"|(?:(?:很?抱歉|对不起|非常抱歉|不好意思|抱歉)[，,。！!\s]{0,2})?(?:您|你)(?:似乎|好像)?"
    r"(?:并?没有|未|还没有?|沒有)(?:提供|给出|给|说明|指定|输入|上传|附上)"
    r"|请(?:您|你)?(?:先)?(?:提供|告诉我|说明|补充|输入|上传|明确|具体说明)[^。！？\n]{0,24}(?:信息|内容|文本|文章"
    r"|句子|问题|细节|背景|材料|图片|代码|数据"
    r"|上下文|需求|要求)"
    r"|我(?:不明白|不太?理解|没有足够|需要更多)"
    r"|(?:题目|问题|输入|文本|文章|图片|原文)(?:中)?(?:没有|未)(?:提供|给出|显示)|(?:没有|未)(?:提供"
    r"|给出)[^。\n]{0,12}(?:信息|内容|文本|文章|图片)"
    # Japanese, Korean
    r"|(?:申し訳(?:ありません|ございません)|すみません|ごめんなさい)[^\n]{0,30}いただけますか"
    r"|(?:죄송합니다|죄송하지만|미안합니다)[^\n]{0,40}(?:알려|제공)"
    # Spanish, Portuguese, Italian, French, German, Russian
    r"|(?:por favor,? )?(?:proporcion[ae]|indique|especifique|forneça|fornisci|veuillez (?:fournir|préciser)"
    r"|pourriez-vous (?:préciser|fournir)|(?:bitte|könnten sie bitte|kannst du bitte) [^.\n]{0,40}(?:angeben"
    r"|bereitstellen|mitteilen|präzisieren)"
    r"|podría(?:s)? (?:proporcionar|aclarar|especificar)|пожалуйста,? (?:уточните|предоставьте)|(?:уточните"
    r"|предоставьте),? пожалуйста)"
    r"|(?:(?:lo siento|désolée?|(?:es )?tut mir leid|entschuldigung|извините|простите)[,.]? (?:pero |mais |но )?)?"
    r"(?:ich verstehe(?: \w+){0,3} nicht|no entiendo|je ne comprends pas|я не понимаю)\b"
)
_ASKS_BACK = re.compile(rf"{_START}(?:(?:{_APOLOGY})?(?:{_NOT_UNDERSTOOD}|{_ASKS})|{_ASKS_ELSEWHERE})")

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
    rf"{_START}(?:(?:{_APOLOGY})?{_CANNOT}|{_APOLOGY}(?:we're not allowed|(?:this|that|the) question is)"
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
    r"|ask (?:me|for|back)"
    r"|act as|pretend|imagine|role-?play|\bscene\b|dialogue|translat|rewrite|rephrase|paraphras|convert|correct"
    r"|complete"
    r"|fill in|(?:write|draft|compose|send|prepare)[^.\n]{0,40}(?:mail|letter|message|text|note)|respon(?:d|se) to"
    r"|repl(?:y|ies) to|道歉|翻译|拒绝|改写|扮演|客服|邮件|übersetz|traduc"
    r"|traduis|перевед"
)
"""A prompt of that kind may well be answered by words of declining or asking."""


def is_stand_in(pair: PairText) -> bool:
    """Whether the whole answer is "N/A", "no output" or the like, and nobody asked for that."""
    text = pair.subject.folded.strip().strip(".!。<>[]()*_\"' ")
    return len(text) <= 20 and _STAND_IN.fullmatch(text) is not None and not _STAND_IN_ASKED.search(pair.asked)


def is_one_symbol(pair: PairText) -> bool:
    """Whether a symbol stands a hundred times in a row, a digit or a ruling a thousand times."""
    text = pair.subject.text
    # In such a row stands a piece of few different characters, which is found in a tenth of the time.
    pieces = (text[start : start + _PIECE] for start in range(0, len(text) - _PIECE + 1, _PIECE))
    if not any(len(set(piece)) <= _FEW_CHARACTERS for piece in pieces):
        return False
    return _SYMBOL_OVER_AND_OVER.search(text) is not None and not _REPETITION_ASKED.search(pair.asked)


def asks_back(pair: PairText) -> bool:
    """Whether a short answer does not understand or asks for what it was not given, and says nothing else."""
    found = _opening(pair, _ASKS_BACK)
    return found is not None and _GOES_ON.search(pair.subject.folded.strip(), found.end()) is None


def declines(pair: PairText) -> bool:
    """Whether a short answer begins like one that declines or asks back.

    A guess: "I don't know" and "I can't" open full answers as often as none ("I don't know. I'd suggest ...").
    """
    return _opening(pair, _ASKS_BACK) is not None or _opening(pair, _DECLINES) is not None


def _opening(pair: PairText, pattern: re.Pattern[str]) -> re.Match[str] | None:
    if len(pair.tokens) >= (_TOKENS_CJK if pair.is_cjk else _TOKENS):
        return None
    found = pattern.search(pair.subject.folded.strip(), 0, _START_CHARS)
    return None if found is None or _ASKED_TO_DECLINE.search(pair.asked) else found
