"""How an answer begins that asks for what it was not given, or says that it has not understood, by language.

Every pattern is about what the *prompt* lacks: a text, a question, a detail. "Please send your passport" is an answer.
"""

import re

OPENING = (
    r"\A\W{0,3}(?:(?:(?:ok(?:ay)?|oh|um+|hm+|well|unfortunately|hi|hello|sure|of course|certainly|absolutely|gladly"
    r"|i(?:'d| would) be (?:happy|glad) to(?: help| assist)?(?: you)?(?: with (?:that|this|it))?)(?: thing)?"
    r"[,.! ]{1,3}){0,3})?"
)
APOLOGY = (
    r"(?:(?:(?:i'?m|i am) (?:\w+ly |so |very )?)?(?:sorry|afraid)|my apologies|i (?:\w+ly )?apologi[sz]e)"
    r"(?: (?:for|about) [^.,!?\n]{0,40})?[,.!]{0,2} (?:but |that |however,? )?"
)
_MATERIAL = (
    r"(?:text|article|passage|sentence|paragraph|code|input|list|data|file|image|link|question|document|context"
    r"|information|details|example)s?"
)


def _asking(consent: str, apology: str, but: str, not_understood: str, request: str, material: str) -> str:
    """What such an answer begins with in a language that has words: a request and, soon after, what is missing."""
    return (
        rf"¿?(?:(?:{consent})[,.! ]{{1,3}})?(?:{apology})?[،,.! ]{{0,3}}(?:(?:{but}) )?¿?"
        rf"(?:{not_understood}|(?:{request})[^.!?。\n]{{0,40}}\b(?:{material})(?!\w))"
    )


_ENGLISH = (
    r"(?:i(?:'m| am) (?:\w+ )?not sure (?:what you(?: mean| want|(?:'re| are) (?:asking|saying|talking|referring))"
    r"|i (?:quite |really |fully )?(?:understand|follow))"
    r"|i (?:really |still )?(?:do not|don't|did not|didn't) (?:quite |really |fully |think i )?"
    r"(?:understand|get what|see what|follow)\b"
    r"|i (?:\w+ )?have no idea what you"
    r"|(?:could|can|would|will) you (?:please )?(?:clarify|rephrase|elaborate|be more specific|repeat"
    r"|(?:explain|tell me|specify)(?: \w+)? (?:what|which|more)"
    rf"|(?:provide|give me|share|send|paste|tell me)(?: \w+){{0,3}} {_MATERIAL}\b)"
    rf"|what (?:exactly )?do you mean|which {_MATERIAL} (?:do you mean|are you (?:referring|talking))"
    r"|please (?:clarify|rephrase"
    rf"|(?:provide|share|paste|give|enter|upload|send)(?: \w+){{0,4}} {_MATERIAL}\b)"
    r"|(?:it (?:seems|looks|appears)(?: like)?|i notice(?:d)?)(?: that)? (?:you (?:haven't|have not|didn't|did not"
    r"|forgot)"
    r"|there (?:is|was|are) no |the (?:\w+ ){1,3}(?:is|was|are) (?:missing|not (?:provided|included|attached)))"
    r"|you (?:haven't|have not|didn't|did not) (?:provide|include|give|attach|specif|share|mention)\w*"
    r"|there (?:is|was) no (?:\w+ )?(?:text|article|passage|sentence|input|image|question|code|attachment|information)"
    r" (?:provided|given|attached|included|in your)|no (?:input|text|article|context|information) (?:was |is "
    r"|has been )?(?:provided|given|attached)"
    r"|i (?:\w+ )?need (?:more|some more|additional|further) (?:info|context|details|clarif))"
)
_ELSEWHERE = {
    "zh": (
        r"(?:我?(?:很?抱歉|非常抱歉|对不起|對不起|不好意思)[，,。！!\s]{0,2})?"
        r"(?:[^。！？\n]{0,12}(?:需要更多(?:的)?(?:信息|细节|背景)|没有(?:看到|收到)[您你])"
        r"|[您你](?:似乎|好像)?(?:并?没有|并?未|还没有?|並?沒有)(?:[为給给向]我)?(?:提供|给出|給出|给|說明|说明|指定|输入|輸入|上传|附上)"
        r"|(?:请|請)(?:您|你)?(?:先)?(?:提供|告诉我|说明|补充|输入|輸入|上传|明确|具体说明)[^。！？\n]{0,24}"
        r"(?:信息|資訊|内容|內容|文本|文章|句子|问题|問題|细节|背景|材料|图片|代码|数据|上下文|需求|要求)"
        r"|请问[您你](?:能|可以)(?:否)?(?:提供|说明|给出|告诉我)[^。！？\n]{0,16}(?:信息|内容|文本|文章|细节|问题)"
        r"|我(?:不明白|不太?理解|没有足够|需要更多)"
        r"|(?:题目|问题|输入|文本|文章|图片|原文)(?:中)?(?:没有|未)(?:提供|给出|显示)"
        r"|(?:没有|未)(?:提供|给出)[^。\n]{0,12}(?:信息|内容|文本|文章|图片))"
    ),
    "ja": (
        r"(?:申し訳(?:ありません|ございません)が?|すみません|ごめんなさい)[、。 ]{0,2}[^。\n]{0,12}"
        r"(?:文章|テキスト|文|データ|記事|情報|質問|コード|画像)[がを][^。\n]{0,10}(?:提供されて(?:い)?ません|見当たりません|ありません"
        r"|いただけますか|わかりません)"
        r"|[^。\n]{0,24}(?:文章|テキスト|文|記事|内容|情報|質問|コード|画像)[をは][^。\n]{0,10}"
        r"(?:提供して|教えて|お知らせ|入力して|貼り付けて|ご提示|示して)[^。\n]{0,8}(?:ください|いただけ)"
        r"|(?:ご?質問|おっしゃ)[^。\n]{0,12}(?:意味|意図|こと)が(?:よく)?(?:わかりません|理解できません)"
    ),
    "ko": (
        r"(?:죄송합니다|죄송하지만|미안합니다)[,. ]{0,2}[^\n]{0,20}(?:글|텍스트|문장|내용|정보|질문|코드"
        r"|데이터)[^\n]{0,16}(?:알려|제공)"
        r"|[^.\n]{0,24}(?:글|텍스트|문장|내용|정보|질문|코드|기사)[을를이가]? ?[^.\n]{0,10}(?:제공해|알려|입력해"
        r"|공유해) ?주"
        r"|질문을 (?:잘 )?이해하지 못"
    ),
    "de": _asking(
        r"gerne?|natürlich|klar",
        r"(?:es )?tut mir leid|entschuldigung",
        "aber",
        r"ich verstehe(?: \w+){0,4} nicht\b|ich habe(?: \w+){0,4} nicht verstanden\b",
        r"(?:könnten sie|könntest du|kannst du|können sie)\b|bitte\b|(?:sie haben|du hast) (?:\w+ ){0,2}"
        r"(?:keinen?|nicht)\b|welche[nrs]?\b",
        r"text|artikel|satz|code|informationen|details|frage|liste|daten|kontext|datei",
    ),
    "fr": _asking(
        r"bien sûr|d'accord|avec plaisir",
        r"(?:je suis )?désolée?|excusez-moi",
        "mais",
        r"je ne comprends pas\b|je n'ai pas (?:bien )?compris\b",
        r"veuillez (?:me )?(?:fournir|préciser|indiquer|partager|donner)\b|(?:pourriez-vous|pouvez-vous|peux-tu"
        r"|pourrais-tu)"
        r" (?:me )?(?:préciser|fournir|clarifier|reformuler|donner)\b|(?:vous n'avez"
        r"|tu n'as) pas (?:\w+ )?(?:fourni|donné|indiqué"
        r"|précisé|joint)\b",
        r"texte|article|phrase|code|informations?|détails|question|liste|données|contexte|fichier",
    ),
    "es": _asking(
        r"claro|por supuesto",
        r"lo siento|disculp[ae]|perdón",
        "pero",
        r"no (?:entiendo|comprendo|entendí)\b",
        r"(?:por favor,? )?(?:proporcion[ae]|indi(?:que|ca)|especifi(?:que|ca)|comparte|envía)\b|(?:podría"
        r"|puede)s? (?:proporcionar"
        r"|aclarar|especificar|darme|dar)\b|no (?:me )?(?:has|ha) (?:proporcionado|dado|indicado|incluido"
        r"|especificado)\b",
        r"texto|artículo|información|frase|código|pregunta|detalles|contexto|lista|datos|archivo",
    ),
    "pt": _asking(
        r"claro|com certeza",
        r"desculp[ae]|sinto muito",
        "mas",
        r"não (?:entendi|entendo|compreendi)\b",
        r"(?:por favor,? )?(?:forneça|informe|envie|especifique|compartilhe)\b|(?:você pode|poderia"
        r"|pode) (?:me )?(?:fornecer"
        r"|esclarecer|especificar|dar)\b|(?:você )?não (?:forneceu|informou|enviou|incluiu|especificou)\b",
        r"texto|artigo|informaç\w+|frase|código|pergunta|detalhes|contexto|lista|dados|arquivo",
    ),
    "it": _asking(
        r"certo|certamente",
        r"mi dispiace|scusa|scusami",
        "ma",
        r"non (?:ho capito|capisco|comprendo)\b",
        r"(?:per favore,? )?(?:fornisci|fornisca|indica|specifica)(?:mi)?\b|(?:puoi|può|potresti"
        r"|potrebbe) (?:fornire|chiarire"
        r"|specificare|darmi)\b|non (?:hai|ha) (?:fornito|dato|indicato|incluso|specificato)\b",
        r"testo|articolo|informazion\w|frase|codice|domanda|dettagli|contesto|lista|dati|file",
    ),
    "nl": _asking(
        r"natuurlijk|zeker",
        r"sorry|het spijt me",
        "maar",
        r"ik (?:begrijp|snap)(?: \w+){0,4} niet\b",
        r"(?:geef|stuur|deel|kun je|kunt u)\b|(?:je hebt|u heeft|u hebt) (?:nog )?geen\b",
        r"tekst|artikel|zin|code|informatie|vraag|details|gegevens|lijst",
    ),
    "ru": _asking(
        r"конечно",
        r"извините|простите|к сожалению",
        "но",
        r"я не (?:понимаю|понял[аи]?)\b",
        r"(?:пожалуйста,? )?(?:уточните|предоставьте|укажите|пришлите|введите)\b|(?:не )?(?:могли бы|можете)\b"
        r"|(?:вы|ты) (?:ещё )?не (?:предоставил|указал|дал|приложил|прислал)и?\b",
        r"текст\w*|стать\w+|предложени\w+|код\w?|информаци\w+|вопрос\w*|данны\w+|списо?к\w*|контекст\w*|детал\w+",
    ),
    "pl": _asking(
        "jasne",
        r"przepraszam|niestety",
        "ale",
        r"nie rozumiem\b",
        r"nie (?:podał|podałe|dostarczył|zamieści)\w*|proszę\b|(?:czy możesz|czy mógłbyś|czy może pan)\b",
        r"tekst\w*|artykuł\w*|zdani\w+|kod\w*|informacj\w+|pytani\w+|szczegół\w*",
    ),
    "tr": _asking(
        "tabii",
        r"üzgünüm|maalesef",
        "ama|ancak",
        r"[^.\n]{0,16}anlamadım\b",
        r"lütfen\b|herhangi bir\b",
        r"metni?|bilgi|soruyu|kodu?|makaleyi|cümleyi",
    ),
    "sv": _asking(
        "visst",
        "tyvärr|ursäkta",
        "men",
        r"jag förstår (?:inte|ej)\b",
        r"vänligen\b|du har inte\b|kan du\b",
        r"text\w*|artikel\w*|mening\w*|kod\w*|information\w*|fråga\w*",
    ),
    "vi": _asking(
        "tất nhiên",
        "xin lỗi",
        "nhưng",
        r"tôi không hiểu\b",
        r"vui lòng|xin hãy|bạn có thể|bạn (?:chưa|không) cung cấp",
        r"văn bản|bài|thông tin|câu|nội dung",
    ),
    "id": _asking(
        "tentu",
        "maaf",
        "tetapi|tapi",
        r"saya tidak (?:mengerti|paham)\b",
        r"mohon|silakan|tolong|bisakah anda|anda (?:belum|tidak)",
        r"teks|artikel|informasi|kalimat|kode|pertanyaan",
    ),
    "ar": _asking(
        "بالطبع",
        r"عذر[اًا]+|آسف|معذرة",
        "لكن|ولكن",
        r"لم أفهم|لا أفهم",
        r"يرجى|من فضلك|الرجاء|لم تقدم|لم تقم بتقديم|لم ترفق",
        r"النص|نص|المقال|السؤال|المعلومات|الجملة|جملة",
    ),
    "hi": _asking(
        "ज़रूर",
        r"क्षमा करें|माफ़ कीजिए|माफ करें",
        "लेकिन",
        r"मैं (?:आपका )?[^।.\n]{0,10}नहीं समझ",
        r"कृपया|आपने",
        r"पाठ|लेख|वाक्य|जानकारी|प्रश्न|विवरण|टेक्स्ट",
    ),
}
ASKS_BACK = re.compile(rf"{OPENING}(?:(?:{APOLOGY})?{_ENGLISH}|{'|'.join(_ELSEWHERE.values())})")
"""On folded text."""
