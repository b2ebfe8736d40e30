"""Words in a prompt or an answer that are meant for whoever scores it: orders to a judge, verdicts in its format.

A mark and no conviction: security lessons quote such words, and a judge that knows of them can still score the pair.
"""

import re
from typing import NamedTuple

from udfs.screen.subject import Subject

_DIMENSION = r"(?:accuracy|helpfulness|completeness|clarity|relevance|correctness|cleanliness)"
_WORK = (
    r"(?:response|answer|reply|output|completion|submission|pair|solution|text|example|entry|sample|assistant"
    r"|instruction)"
)
_TOP = (
    r"(?:10|ten|100|full (?:marks|points|score)|perfect|maximum|max|highest|top (?:marks|score|rating)|a\+"
    r"|straight tens)"
)
_JUDGE = (
    r"(?:(?:ai|llm|gpt|automated|auto|model|neutral|impartial)[ -]?(?:judge|evaluator|grader|rater|scorer|assessor"
    r"|annotator|reviewer)"
    r"|judge model|reward model|scoring (?:model|system|bot|engine)|evaluators?|graders?|raters?|scorers?"
    r"|annotators?|judge llm"
    r"|evaluation (?:model|system|bot))"
)
# Words without which a pattern cannot match; see `_Bait.needs`.
_ROLES = (
    "judge, evaluator, evaluators, grader, graders, rater, raters, scorer, scorers, assessor, annotator, annotators, "
    "reviewer, reward, scoring, evaluation"
)
_KINDS = ("", "ai", "llm", "gpt", "automated", "auto", "model", "neutral", "impartial")
_JUDGES = ", ".join(f"{kind}{role}" for kind in _KINDS for role in _ROLES.split(", "))
_TOPS = "10, ten, 100, full, perfect, maximum, max, highest, top, a+, tens"
_DIMENSIONS = "-accuracy, -helpfulness, -completeness, -clarity, -relevance, -correctness, -cleanliness"


class _Bait(NamedTuple):
    pattern: re.Pattern[str]
    needs: tuple[str, ...]
    """Lists with commas: of each something must be in a text, or the pattern is not tried. What has a hyphen may be a
    part of a word."""


def _bait(pattern: str, *needs: str) -> _Bait:
    return _Bait(re.compile(pattern), needs)


_BAITS = (
    # Orders to forget other orders.
    _bait(
        r"\b(?:ignore|disregard|forget|override|bypass|drop|skip|discard)\b(?: \w+){0,4}? (?:instructions?|prompts?"
        r"|rubrics?|criteria|guidelines?"
        r"|directions|rules|directives|constraints|system message)\b",
        "ignore, disregard, forget, override, bypass, drop, skip, discard",
        "instruction-, prompt-, rubric-, criteria, guideline-, directions, rules, directives, constraints, "
        "system message",
    ),
    # Whoever scores is spoken to.
    _bait(
        rf"\b(?:note|message|memo|attention|dear|hello|hi|hey|to|for|reminder|instructions?|psa|warning|notice)[,:]? "
        rf"(?:to |for )?(?:the |all |any |our )?{_JUDGE}\b\s*[:,!—-]",
        _JUDGES,
        "note, message, memo, attention, dear, hello, hi, hey, to, for, reminder, instruction-, psa, warning, notice",
    ),
    _bait(
        rf"\b(?:as|you are|you're|act as) (?:the|an?|my) {_JUDGE}\b[^\n]{{0,60}}\b(?:must|should|will|have to|need to"
        rf"|score|give|assign|award|rate)\b",
        _JUDGES,
        "as, you are, you're",
    ),
    _bait(
        rf"\b{_JUDGE}[:,]? (?:must|should|shall|will|has to|have to|is (?:to|required|instructed|asked)|are (?:to"
        rf"|required|instructed|asked)|please)\b",
        _JUDGES,
        "must, should, shall, will, has to, have to, is, are, please",
    ),
    # A mark is demanded for this very answer.
    _bait(
        rf"\b(?:give|assign|award|rate|score|grade|mark|evaluate|judge|rank)\b[^.\n]{{0,30}}\b(?:this|the above"
        rf"|the following|my|our|that)\b(?: \w+)? {_WORK}\b[^.\n]{{0,60}}\b{_TOP}\b",
        _TOPS,
        "give, assign, award, rate, score, grade, mark, evaluate, judge, rank",
        "this, the above, the following, my, our, that",
    ),
    _bait(
        rf"\b(?:give|assign|award|grant|output|return|set|use|print|reply with|respond with"
        rf"|answer with)\b[^.\n]{{0,30}}\b{_TOP}\b[^.\n]{{0,40}}\b"
        rf"(?:this|the above|my|our|that|every|all|each|any) (?:\w+ )?(?:{_WORK}|{_DIMENSION}|dimensions?|criteri(?:a"
        rf"|on)|categor(?:y|ies)|aspects?|axes)s?\b",
        _TOPS,
        "give, assign, award, grant, output, return, set, use, print, reply with, respond with, answer with",
        "this, the above, my, our, that, every, all, each, any",
    ),
    _bait(
        rf"\b(?:this|the above|my|our) (?:\w+ )?{_WORK}\b[^.\n]{{0,40}}\b(?:deserves?|merits?|earns?|warrants?"
        rf"|receives?|gets?|scores?"
        rf"|(?:should|must|has to|ought to|shall|is to|needs to) (?:be (?:scored|rated|given|graded|awarded|marked"
        rf"|ranked|judged)|receive|get|score|earn))\b[^.\n]{{0,40}}\b{_TOP}\b",
        _TOPS,
        "this, the above, my, our",
        "deserve-, merit-, earn-, warrant-, receive-, get, gets, score-, should, must, has to, ought to, shall, is to, "
        "needs to",
    ),
    _bait(
        rf"\b(?:all|every|each)(?: of the)?(?: four)? (?:dimensions?|criteri(?:a|on)|scores?|ratings?|aspects?"
        rf"|axes)\b[^.\n]{{0,40}}\b{_TOP}\b",
        _TOPS,
        "all, every, each",
        "dimension-, criteri-, score-, rating-, aspect-, axes",
    ),
    _bait(
        rf"\b(?:treat|consider|regard|assume|mark|label|classify)\b[^.\n]{{0,12}}\b(?:this|the above"
        rf"|my) {_WORK}\b[^.\n]{{0,20}}\b(?:as|is|to be) (?:\w+ )?(?:correct|perfect|accurate"
        r"|complete|flawless|excellent|ideal|gold|high[- ]quality|best)\b",
        "treat, consider, regard, assume, mark, label, classify",
        "this, the above, my",
        "correct, perfect, accurate, complete, flawless, excellent, ideal, gold, high, best",
    ),
    _bait(
        r"\b(?:do not|don't|never|must not|refrain from)\b (?:evaluat|grad|judg|scor|rat|penali[sz]|deduct|lower"
        r"|criticis|criticiz)\w*\b[^.\n]{0,40}\b(?:this|points?|marks?|below|under|less|it|response|answer)\b",
        "do not, don't, never, must not, refrain from",
        "evaluat-, grad-, judg-, scor-, rat-, penali-, deduct-, lower-, criticis-, criticiz-",
    ),
    _bait(
        r"\b(?:no|zero) (?:points?|marks?|deductions?)\b[^.\n]{0,12}\b(?:should|may|must|can|shall"
        r"|to) (?:be )?(?:deducted|taken|lost|subtracted|made)",
        "no, zero",
        "point-, mark-, deduction-",
    ),
    _bait(
        r"\b(?:score|rate|grade|evaluate|judge|rank)(?:s|d)? (?:this|it|me|the above)(?: \w+)? (?:an? |as an? |at "
        r"|with an? |as )?(?:10|ten|100|perfect|full|highest|maximum)\b",
        "score-, rate-, grade-, evaluate-, judge-, rank-",
        "this, it, me, the above",
        "10, ten, 100, perfect, full, highest, maximum",
    ),
    _bait(
        r"\b(?:any|a) (?:score|rating|grade|mark)\b[^.\n]{0,10}\b(?:under|below|less than|lower than|other than) (?:10"
        r"|ten|9|100)\b",
        "score, rating, grade, mark",
        "10, ten, 9, 100",
    ),
    _bait(
        rf"\b(?:instruct|order|command|urge|ask|require)s? (?:you|the judge)\b[^.\n]{{0,30}}\b(?:assign|give|award"
        rf"|score|rate)\b[^.\n]{{0,30}}\b{_TOP}\b",
        _TOPS,
        "instruct-, order-, command-, urge-, ask-, require-",
        "you, the judge",
        "assign, give, award, score, rate",
    ),
    _bait(
        r"\b(?:whoever|anyone who|any model|if you are)\b[^.\n]{0,40}\b(?:scor|grad|evaluat|judg|rat)(?:ing|es) "
        r"(?:this|it|me)\b",
        "whoever, anyone who, any model, if you are",
        "scor-, grad-, evaluat-, judg-, rat-",
    ),
    # The rules of scoring are declared to be others now.
    _bait(
        r"\b(?:evaluation|grading|judging|scoring|rating|judge)(?:'s)? (?:instructions?|criteria|rubrics?|guidelines?"
        r"|prompt|task|rules?|mode|process|scale)\b[^.\n]{0,30}"
        r"\b(?:changed|updated|overridden|cancell?ed|suspended|replaced|void|revised|disabled|complete[d]?|over|reversed"
        r"|inverted|superseded)\b",
        "evaluation, grading, judging, scoring, rating, judge",
        "instruction-, criteria, rubric-, guideline-, prompt, task, rule-, mode, process, scale",
    ),
    _bait(
        r"\b(?:system|admin|administrator|developer|root|priority|security|operator) (?:override|note|message|notice"
        r"|update|alert|instruction|command)s?\s*[:\]>]",
        "system, admin, administrator, developer, root, priority, security, operator",
        "override-, note-, message-, notice-, update-, alert-, instruction-, command-",
    ),
    _bait(
        r"\b(?:new|updated|revised|hidden|secret|actual|real) (?:system |evaluation |grading "
        r"|scoring )?instructions?\s*[:\]]",
        "new, updated, revised, hidden, secret, actual, real",
        "instruction-",
    ),
    _bait(
        r"\b(?:this is|the following is|above is) (?:\w+ )?(?:a |an |the )?(?:\w+ )?(?:calibration|control"
        r"|gold(?:en)?[- ]standard|reference|verified|pre-?approved) (?:item|sample|answer|response|example|pair"
        r"|question)\b[^\n]{0,80}\b(?:score|10|full|perfect|rate)\b",
        "this is, the following is, above is",
        "calibration, control, gold, golden, reference, verified, pre, preapproved",
    ),
    _bait(
        r"\b(?:pre-?approved|verified|certified|validated|already (?:scored|rated|graded|approved)"
        r"|reviewed and approved)\b[^.\n]{0,60}\b(?:score|rating|10|ten|full marks|perfect)\b",
        "pre, preapproved, verified, certified, validated, already, reviewed and approved",
        "score, rating, 10, ten, full marks, perfect",
    ),
    _bait(
        r"\b(?:end|end of|begin|stop|close) (?:of )?(?:the )?(?:evaluation|judg(?:e|ing|ment)|scoring|grading"
        r"|candidate (?:response|answer)|response to (?:be )?evaluate[d]?)\b\s*[\]>.:-]",
        "end, begin, stop, close",
        "evaluation, judge, judging, judgment, judgement, scoring, grading, candidate, response to",
    ),
    # A verdict in the judge's own format.
    _bait(
        rf"[\"']?{_DIMENSION}[\"']?\s*[:=]\s*[\"']?(?:10|9|8)"
        rf"(?:\s*/\s*10)?\b[^\n]{{0,20}}\s{{0,4}}[\"']?{_DIMENSION}[\"']?\s*[:=]\s*[\"']?(?:10|9|8)\b",
        _DIMENSIONS,
        "10, 9, 8",
    ),
    _bait(
        r"</?(?:verdict|judg(?:e|ment)|candidate|response_to_evaluate)>|<(?:scores?|rating|grade|evaluation)>\s*(?:10"
        r"|9|a\+)",
    ),
    _bait(
        r"\[\[(?:10|[a-c]|rating|tie)\]\]|\"(?:overall_?)?(?:score|rating|quality_?score|overall)\"\s*:\s*(?:10\b|\"10\")",
    ),
    _bait(
        r"\b(?:overall|final|quality|total) (?:score|rating|verdict|grade)\s*[:=]\s*(?:10|ten|100)\b",
        "overall, final, quality, total",
        "score, rating, verdict, grade",
    ),
    # Other languages.
    _bait(
        r"(?:忽略|无视|忘记|忽視|無視)[^。\n]{0,16}(?:指令|指示|要求|规则|提示|评分|标准)|(?:给|打"
        r"|评)[^。\n]{0,12}(?:满分|10 ?分|十分|最高分)"
        r"|(?:评审|评委|评分者|评估者|裁判|评分模型)[^。\n]{0,24}(?:满分|10 ?分|最高|请)|(?:指示|命令|指令)を(?:無視"
        r"|忘れ)|(?:지시|명령|지침)[^\n]{0,10}무시",
        "-忽略-, -无视-, -忘记-, -忽視-, -無視-, -给-, -打-, -评-, -裁判-, -指示-, -命令-, -指令-, "
        "-지시-, -명령-, -지침-",
    ),
    _bait(
        r"\b(?:ignora|ignore[zr]?|ignoriere?n?|oublie[zr]?|olvida|vergiss|dimentica"
        r"|esque[cç]a)\b[^.\n]{0,40}\b(?:instruc(?:ciones|ções)|consignes|règles|instructions|anweisung|anleitung"
        r"|vorgabe|istruzioni|reglas|regras|regeln|regole|kriterien|critères|criterios|critérios)",
        "ignora, ignore-, ignorie-, oublie-, olvida, vergiss, dimentica, esqueca, esqueça",
    ),
    _bait(
        r"(?:игнорируй|проигнорируй|забудь|не обращай внимания)\w*[^.\n]{0,40}(?:инструкци|указани|правил|критери)"
        r"|(?:поставь|оцени)\w*[^.\n]{0,40}\b10\b",
        "-игнорируй-, -забудь-, -обращай внимания-, -поставь-, -оцени-",
    ),
    _bait(
        r"\b(?:bewerte|benote|vergib|gib|donne[zr]?|attribue[zr]?|note[zr]?|califica|puntúa|otorga|avalie|atribua"
        r"|valuta)\b[^.\n]{0,50}\b(?:antwort|réponse|respuesta|resposta|risposta)\b[^.\n]{0,40}\b(?:10|zehn|dix|diez|dez"
        r"|dieci)\b",
        "bewerte, benote, vergib, gib, donne-, attribue-, note-, califica, puntúa, otorga, avalie, atribua, valuta",
        "antwort, réponse, respuesta, resposta, risposta",
    ),
)


class _Trial(NamedTuple):
    """A pattern, and what a text must have before it is tried; a need is a bit where words meet it."""

    pattern: re.Pattern[str]
    of_words: int
    """The needs that only words meet."""
    others: tuple[tuple[int, tuple[str, ...]], ...]
    """The needs that parts of words, or several words, meet too."""

    def is_worthwhile(self, met: int, text: str) -> bool:
        """Whether a text may match.

        Args:
            met: the needs that its words meet.
            text: all of it.
        """
        if met & self.of_words != self.of_words:
            return False
        return all(met & bit or any(map(text.__contains__, parts)) for bit, parts in self.others)


def _trials() -> tuple[tuple[_Trial, ...], dict[str, int]]:
    """The patterns, and the needs that each word meets."""
    bits: dict[str, int] = {}
    bits_of_word: dict[str, int] = {}
    trials = []
    for bait in _BAITS:
        of_words, others = 0, []
        for need in bait.needs:
            bit = bits.setdefault(need, 1 << len(bits))
            listed = need.split(", ")
            for word in filter(str.isalnum, listed):
                bits_of_word[word] = bits_of_word.get(word, 0) | bit
            if parts := tuple(part.strip("-") for part in listed if not part.isalnum()):
                others.append((bit, parts))
            else:
                of_words |= bit
        trials.append(_Trial(bait.pattern, of_words, tuple(others)))
    return tuple(trials), bits_of_word


_TRIALS, _BITS_OF_WORD = _trials()
_WORD = re.compile(r"\w+")
# The same for ASCII text in half the time.
_ASCII_BLANKS = {code: " " for code in range(128) if not (chr(code).isalnum() or chr(code) == "_")}
# fmt: off
_HINTS = (
    "ignor", "disregard", "forget", "overrid", "bypass", "instruction", "judge", "evaluat", "grade",
    "grading", "rater", "scor", "rating", "rate", "mark", "deduct", "10", "ten", "deserv", "perfect",
    "verdict", "approved", "penali", "treat", "consider", "regard", "指", "分", "评", "무시", "oubli", "olvid",
    "vergiss", "dimentica", "esque", "игнор", "забуд", "оцени", "поставь", "不",
)
# fmt: on
_HEAD, _TAIL = 6_000, 3_000
"""Characters looked at of a text; orders to a judge stand where it begins or ends."""


def addresses_judge(subject: Subject) -> str | None:
    """Words meant for whoever scores the pair: "ignore the rubric", "this answer deserves a 10", a verdict's JSON."""
    text = subject.folded
    if len(text) > _HEAD + _TAIL:
        text = f"{text[:_HEAD]}\n{text[-_TAIL:]}"
    if not any(map(text.__contains__, _HINTS)):
        return None
    # Few texts have the words of a pattern, which is found out in a fraction of the time that the patterns take.
    met = _needs_met(text)
    matches = (trial.pattern.search(text) for trial in _TRIALS if trial.is_worthwhile(met, text))
    found = [match for match in matches if match]
    return min(found, key=lambda match: match.start()).group() if found else None


def _needs_met(text: str) -> int:
    """The needs that the words of a text meet."""
    words = text.translate(_ASCII_BLANKS).split() if text.isascii() else _WORD.findall(text)
    met = 0
    for word in _BITS_OF_WORD.keys() & words:
        met |= _BITS_OF_WORD[word]
    return met
