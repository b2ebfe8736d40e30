"""Words in a prompt or an answer that are meant for whoever scores it: orders to a judge, verdicts in its format.

A mark and no conviction: security lessons quote such words, and a judge that knows of them can still score the pair.
"""

import re

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
_PATTERNS = (
    # Orders to forget other orders.
    r"\b(?:ignore|disregard|forget|override|bypass|drop|skip|discard)\b(?: \w+){0,4}? (?:instructions?|prompts?"
    r"|rubrics?|criteria|guidelines?"
    r"|directions|rules|directives|constraints|system message)\b",
    # Whoever scores is spoken to.
    rf"\b(?:note|message|memo|attention|dear|hello|hi|hey|to|for|reminder|instructions?|psa|warning|notice)[,:]? "
    rf"(?:to |for )?(?:the |all |any |our )?{_JUDGE}\b\s*[:,!—-]",
    rf"\b(?:as|you are|you're|act as) (?:the|an?|my) {_JUDGE}\b[^\n]{{0,60}}\b(?:must|should|will|have to|need to"
    rf"|score|give|assign|award|rate)\b",
    rf"\b{_JUDGE}[:,]? (?:must|should|shall|will|has to|have to|is (?:to|required|instructed|asked)|are (?:to"
    rf"|required|instructed|asked)|please)\b",
    # A mark is demanded for this very answer.
    rf"\b(?:give|assign|award|rate|score|grade|mark|evaluate|judge|rank)\b[^.\n]{{0,30}}\b(?:this|the above"
    rf"|the following|my|our|that)\b(?: \w+)? {_WORK}\b[^.\n]{{0,60}}\b{_TOP}\b",
    rf"\b(?:give|assign|award|grant|output|return|set|use|print|reply with|respond with"
    rf"|answer with)\b[^.\n]{{0,30}}\b{_TOP}\b[^.\n]{{0,40}}\b"
    rf"(?:this|the above|my|our|that|every|all|each|any) (?:\w+ )?(?:{_WORK}|{_DIMENSION}|dimensions?|criteri(?:a"
    rf"|on)|categor(?:y|ies)|aspects?|axes)s?\b",
    rf"\b(?:this|the above|my|our) (?:\w+ )?{_WORK}\b[^.\n]{{0,40}}\b(?:deserves?|merits?|earns?|warrants?"
    rf"|receives?|gets?|scores?"
    rf"|(?:should|must|has to|ought to|shall|is to|needs to) (?:be (?:scored|rated|given|graded|awarded|marked"
    rf"|ranked|judged)|receive|get|score|earn))\b[^.\n]{{0,40}}\b{_TOP}\b",
    rf"\b(?:all|every|each)(?: of the)?(?: four)? (?:dimensions?|criteri(?:a|on)|scores?|ratings?|aspects?"
    rf"|axes)\b[^.\n]{{0,40}}\b{_TOP}\b",
    rf"\b(?:treat|consider|regard|assume|mark|label|classify)\b[^.\n]{{0,12}}\b(?:this|the above"
    rf"|my) {_WORK}\b[^.\n]{{0,20}}\b(?:as|is|to be) (?:\w+ )?(?:correct|perfect|accurate"
    r"|complete|flawless|excellent|ideal|gold|high[- ]quality|best)\b",
    r"\b(?:do not|don't|never|must not|refrain from)\b (?:evaluat|grad|judg|scor|rat|penali[sz]|deduct|lower"
    r"|criticis|criticiz)\w*\b[^.\n]{0,40}\b(?:this|points?|marks?|below|under|less|it|response|answer)\b",
    r"\b(?:no|zero) (?:points?|marks?|deductions?)\b[^.\n]{0,12}\b(?:should|may|must|can|shall"
    r"|to) (?:be )?(?:deducted|taken|lost|subtracted|made)",
    r"\b(?:score|rate|grade|evaluate|judge|rank)(?:s|d)? (?:this|it|me|the above)(?: \w+)? (?:an? |as an? |at "
    r"|with an? |as )?(?:10|ten|100|perfect|full|highest|maximum)\b",
    r"\b(?:any|a) (?:score|rating|grade|mark)\b[^.\n]{0,10}\b(?:under|below|less than|lower than|other than) (?:10"
    r"|ten|9|100)\b",
    rf"\b(?:instruct|order|command|urge|ask|require)s? (?:you|the judge)\b[^.\n]{{0,30}}\b(?:assign|give|award"
    rf"|score|rate)\b[^.\n]{{0,30}}\b{_TOP}\b",
    r"\b(?:whoever|anyone who|any model|if you are)\b[^.\n]{0,40}\b(?:scor|grad|evaluat|judg|rat)(?:ing|es) "
    r"(?:this|it|me)\b",
    # The rules of scoring are declared to be others now.
    r"\b(?:evaluation|grading|judging|scoring|rating|judge)(?:'s)? (?:instructions?|criteria|rubrics?|guidelines?"
    r"|prompt|task|rules?|mode|process|scale)\b[^.\n]{0,30}"
    r"\b(?:changed|updated|overridden|cancell?ed|suspended|replaced|void|revised|disabled|complete[d]?|over|reversed"
    r"|inverted|superseded)\b",
    r"\b(?:system|admin|administrator|developer|root|priority|security|operator) (?:override|note|message|notice"
    r"|update|alert|instruction|command)s?\s*[:\]>]",
    r"\b(?:new|updated|revised|hidden|secret|actual|real) (?:system |evaluation |grading "
    r"|scoring )?instructions?\s*[:\]]",
    r"\b(?:this is|the following is|above is) (?:\w+ )?(?:a |an |the )?(?:\w+ )?(?:calibration|control"
    r"|gold(?:en)?[- ]standard|reference|verified|pre-?approved) (?:item|sample|answer|response|example|pair"
    r"|question)\b[^\n]{0,80}\b(?:score|10|full|perfect|rate)\b",
    r"\b(?:pre-?approved|verified|certified|validated|already (?:scored|rated|graded|approved)"
    r"|reviewed and approved)\b[^.\n]{0,60}\b(?:score|rating|10|ten|full marks|perfect)\b",
    r"\b(?:end|end of|begin|stop|close) (?:of )?(?:the )?(?:evaluation|judg(?:e|ing|ment)|scoring|grading"
    r"|candidate (?:response|answer)|response to (?:be )?evaluate[d]?)\b\s*[\]>.:-]",
    # A verdict in the judge's own format.
    rf"[\"']?{_DIMENSION}[\"']?\s*[:=]\s*[\"']?(?:10|9|8)"
    rf"(?:\s*/\s*10)?\b[^\n]{{0,20}}\s{{0,4}}[\"']?{_DIMENSION}[\"']?\s*[:=]\s*[\"']?(?:10|9|8)\b",
    r"</?(?:verdict|judg(?:e|ment)|candidate|response_to_evaluate)>|<(?:scores?|rating|grade|evaluation)>\s*(?:10"
    r"|9|a\+)",
    r"\[\[(?:10|[a-c]|rating|tie)\]\]|\"(?:overall_?)?(?:score|rating|quality_?score|overall)\"\s*:\s*(?:10\b|\"10\")",
    r"\b(?:overall|final|quality|total) (?:score|rating|verdict|grade)\s*[:=]\s*(?:10|ten|100)\b",
    # Other languages.
    r"(?:忽略|无视|忘记|忽視|無視)[^。\n]{0,16}(?:指令|指示|要求|规则|提示|评分|标准)|(?:给|打"
    r"|评)[^。\n]{0,12}(?:满分|10 ?分|十分|最高分)"
    r"|(?:评审|评委|评分者|评估者|裁判|评分模型)[^。\n]{0,24}(?:满分|10 ?分|最高|请)|(?:指示|命令|指令)を(?:無視"
    r"|忘れ)|(?:지시|명령|지침)[^\n]{0,10}무시",
    r"\b(?:ignora|ignore[zr]?|ignoriere?n?|oublie[zr]?|olvida|vergiss|dimentica"
    r"|esque[cç]a)\b[^.\n]{0,40}\b(?:instruc(?:ciones|ções)|consignes|règles|instructions|anweisung|anleitung"
    r"|vorgabe|istruzioni|reglas|regras|regeln|regole|kriterien|critères|criterios|critérios)",
    r"(?:игнорируй|проигнорируй|забудь|не обращай внимания)\w*[^.\n]{0,40}(?:инструкци|указани|правил|критери)"
    r"|(?:поставь|оцени)\w*[^.\n]{0,40}\b10\b",
    r"\b(?:bewerte|benote|vergib|gib|donne[zr]?|attribue[zr]?|note[zr]?|califica|puntúa|otorga|avalie|atribua"
    r"|valuta)\b[^.\n]{0,50}\b(?:antwort|réponse|respuesta|resposta|risposta)\b[^.\n]{0,40}\b(?:10|zehn|dix|diez|dez"
    r"|dieci)\b",
)
_BAIT = re.compile("|".join(_PATTERNS))
_HINTS = (
    *(
        "ignor",
        "disregard",
        "forget",
        "overrid",
        "bypass",
        "instruction",
        "judge",
        "evaluat",
        "grade",
        "grading",
        "rater",
    ),
    *(
        "scor",
        "rating",
        "rate",
        "mark",
        "deduct",
        "10",
        "ten",
        "deserv",
        "perfect",
        "verdict",
        "approved",
        "penali",
        "treat",
        "consider",
        "regard",
    ),
    *(
        "指",
        "分",
        "评",
        "무시",
        "oubli",
        "olvid",
        "vergiss",
        "dimentica",
        "esque",
        "игнор",
        "забуд",
        "оцени",
        "поставь",
        "不",
    ),
)


_HEAD, _TAIL = 6_000, 3_000
"""Characters looked at of a text; orders to a judge stand where it begins or ends."""


def addresses_judge(subject: Subject) -> str | None:
    """Words meant for whoever scores the pair: "ignore the rubric", "this answer deserves a 10", a verdict's JSON."""
    text = subject.folded
    if len(text) > _HEAD + _TAIL:
        text = f"{text[:_HEAD]}\n{text[-_TAIL:]}"
    if not any(hint in text for hint in _HINTS):
        return None
    found = _BAIT.search(text)
    return None if found is None else found.group()
