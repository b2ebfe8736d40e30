"""What the rules say of a pair: a fault lowers the dimension named for it, and no other."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from udfs.scoring.heuristic import DIMENSIONS, HeuristicScorer, score_pair
from udfs.scoring.scorer import weighted_tenths

QUESTION = "Explain how plants make sugar from sunlight and water, and why the leaves of most plants are green."
ANSWER = (
    "Plants make sugar by photosynthesis. Their leaves take in carbon dioxide from the air, and the roots bring water. "
    "Sunlight gives the energy to join them into sugar, and oxygen is left over.\n\n"
    "The leaves are green because chlorophyll, which catches the light, takes up red and blue and reflects green."
)
EQUAL = (1, 1, 1, 1)


def dimensions(instruction, response, system=None):
    return dict(zip(DIMENSIONS, score_pair(instruction, response, system).dimensions, strict=True))


def tenths(instruction, response, system=None):
    return weighted_tenths(score_pair(instruction, response, system).dimensions, EQUAL)


def test_the_dimensions_are_named_for_what_rules_can_see():
    assert DIMENSIONS == ("relevance", "completeness", "clarity", "cleanliness")


def test_a_good_pair_has_nines_and_no_fault():
    score = score_pair(QUESTION, ANSWER)

    assert score.dimensions == (9, 9, 9, 9)
    assert score.reason == "No fault was found."
    assert score.passes


LOOP = " ".join(["Plants make sugar from light and water in their green leaves."] * 12)

# What is changed in the good pair: (answer, dimension that must fall, its value, the reason).
FAULTS = {
    "off_topic": (
        "The treaty was signed in May 1648 after long talks of many princes, and it ended thirty terrible years"
        " of war. Its terms gave each ruler the right to choose a religion for his lands, and so it shaped an age.",
        "relevance",
        8,
        "Relevance: the answer shares no content word with the question.",
    ),
    "other_script": (
        "Растения производят сахар из света и воды в зелёных листьях с помощью хлорофилла.",
        "relevance",
        8,
        "Relevance: the answer is in another script than the question.",
    ),
    "only_dots": ("...", "completeness", 1, "Completeness: the answer holds neither a word nor a number."),
    "echo": (QUESTION, "completeness", 1, "Completeness: the answer only repeats the question."),
    "cut_in_sentence": (
        ANSWER[: ANSWER.index("reflects")] + "the",
        "completeness",
        1,
        "Completeness: the answer stops in mid-sentence.",
    ),
    "cut_at_comma": (ANSWER[:-14] + ",", "completeness", 1, "Completeness: the answer stops in mid-sentence."),
    "cut_in_list": (
        ANSWER + "\n1. Light\n2. Water\n3.",
        "completeness",
        1,
        "Completeness: the answer ends with an empty list item.",
    ),
    "cut_in_code": (
        ANSWER + "\n```python\nlight = 1\n",
        "completeness",
        1,
        "Completeness: the answer ends inside a code block.",
    ),
    "announces": (
        ANSWER + "\n\nHere are three plants whose leaves are not green:",
        "completeness",
        1,
        "Completeness: the answer ends by announcing what does not follow.",
    ),
    "asks_back": (
        "I'm not sure what you mean by sugar, water and plants. Could you clarify your question about leaves?",
        "completeness",
        1,
        "Completeness: the answer asks back.",
    ),
    "no_full_stop": (ANSWER.rstrip("."), "completeness", 8, "Completeness: the last sentence has no end."),
    "one_word": ("Photosynthesis", "completeness", 8, "an explanation was asked for and the answer is a word or two."),
    "wall": (
        " ".join(f"Plant number {n} makes its sugar from the light of day {n}." for n in range(70)),
        "clarity",
        8,
        "Clarity: the answer is one wall of text.",
    ),
    "endless_sentence": (
        ANSWER.replace(". ", " and then ").replace(".\n\n", " and "),
        "clarity",
        8,
        "Clarity: the sentences are very long.",
    ),
    "lower_case": (ANSWER.lower(), "clarity", 8, "Clarity: sentences begin in lower case."),
    "capitals": (ANSWER.upper(), "clarity", 8, "Clarity: the answer is in capitals."),
    "doubled_word": (ANSWER.replace("the light", "the the light"), "clarity", 8, "Clarity: a word is doubled."),
    "template_marker": (
        ANSWER + "\n### Instruction: water",
        "cleanliness",
        1,
        "Cleanliness: the answer holds markers of a chat template or its next turn.",
    ),
    "loop": (LOOP, "cleanliness", 1, "Cleanliness: the answer repeats itself in a loop."),
    "blank": (
        ANSWER + " Ask {{name}} about it.",
        "cleanliness",
        1,
        "Cleanliness: a blank was left to be filled in.",
    ),
    "wrong_decoding": (
        ANSWER.replace(", and", " â€” and"),
        "cleanliness",
        1,
        "Cleanliness: characters were decoded wrongly.",
    ),
    "replacement_character": (
        ANSWER.replace("sugar", "sug\ufffdr", 1),
        "cleanliness",
        8,
        "Cleanliness: there are characters that nobody can read.",
    ),
    "tags": (
        ANSWER.replace("\n\n", "<br/>\n"),
        "cleanliness",
        8,
        "Cleanliness: markup of a web page is left in the text.",
    ),
    "model": (
        "As an AI language model, I can say this. " + ANSWER,
        "cleanliness",
        8,
        "Cleanliness: the answer speaks of being a model.",
    ),
    "label": ("Answer: " + ANSWER, "cleanliness", 8, "Cleanliness: the answer begins with a label."),
    "footnotes": (
        ANSWER.replace(".\n", ".[3]\n"),
        "cleanliness",
        8,
        "Cleanliness: references to missing notes are left in the text.",
    ),
    "exclamations": (
        ANSWER[:-1] + "!!!!!",
        "cleanliness",
        8,
        "Cleanliness: a punctuation mark is repeated over and over.",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_lowers_the_dimension_named_for_it(name):
    answer, dimension, value, reason = FAULTS[name]

    found = score_pair(QUESTION, answer)

    assert dimensions(QUESTION, answer)[dimension] == value
    assert found.reason.endswith(reason)
    others = {key: points for key, points in dimensions(QUESTION, answer).items() if key != dimension}
    assert min(others.values()) >= 8, others


COUNTRY = "Tell me about the rivers, mountains, forests and weather of Norway."
MORE_FAULTS = {
    "short_essay": (
        "Write an essay about the rivers of Norway.",
        "The rivers of Norway are long and cold.",
        (9, 8, 9, 9),
        "Completeness: a long text was asked for and the answer is short.",
    ),
    "few_of_many_words": (
        "Describe the rivers of Norway in about 200 words.",
        "The rivers of Norway are long and cold.",
        (9, 8, 9, 9),
        "Completeness: the answer is much shorter than asked for.",
    ),
    "mashed_keys": (
        COUNTRY,
        "Norway rivers sdfgh jklqwrt mountains zxcvbnm sdfghjk forests qwrtp xcvbn weather dfghj.",
        (9, 9, 8, 9),
        "Clarity: the words are garbled.",
    ),
    "run_together": (
        COUNTRY,
        "The weather of Norway ismildatthecoastandcoldinthemountainseverywinter and its rivers are long.",
        (9, 9, 8, 9),
        "Clarity: words run together.",
    ),
    "glued_sentences": (
        COUNTRY,
        "Norway has rivers.They are long.Its mountains are high.Its forests are dark.The weather is mild.",
        (9, 9, 8, 9),
        "Clarity: blanks are missing between sentences.",
    ),
    "same_sentence_twice": (
        COUNTRY,
        "The rivers of Norway are long and cold. Its mountains are very high. The weather is mild at the western coast."
        " Its forests are dark and deep. Its fjords are known everywhere. The weather is mild at the western coast.",
        (9, 9, 9, 8),
        "Cleanliness: a sentence is repeated.",
    ),
    "written_out_line_ends": (
        COUNTRY,
        "Norway has rivers.\\nIts mountains are high.\\nIts forests are dark.\\nThe weather is mild.",
        (9, 9, 9, 8),
        r"Cleanliness: line ends are written out as \n.",
    ),
    "tool": (
        COUNTRY,
        "The weather of Norway is: weather('Norway'), and its rivers are long.",
        (9, 9, 9, 1),
        "Cleanliness: the answer calls a tool instead of answering.",
    ),
    "few_items": (
        "List five trees that grow in Europe.",
        "1. Oak\n2. Elm",
        (9, 8, 9, 9),
        "Completeness: the answer has fewer items than the question asks for.",
    ),
    "no_code": (
        "Write a function that adds two numbers.",
        "You should think about what the two numbers are and then put them together.",
        (9, 8, 9, 9),
        "Completeness: code was asked for and none is seen.",
    ),
    "lost_indentation": (
        "Write a Python function for the sign of n.",
        "def sign(n):\nif n < 0:\nreturn -1\nreturn 1",
        (9, 9, 1, 9),
        "Clarity: the code has lost its indentation.",
    ),
}


@pytest.mark.parametrize("name", MORE_FAULTS)
def test_each_rule_has_its_own_words_and_value(name):
    instruction, answer, points, reason = MORE_FAULTS[name]

    found = score_pair(instruction, answer)

    assert found.dimensions == points
    assert found.reason == reason


def quality(instruction, response, weights=EQUAL):
    return HeuristicScorer(weights).score(instruction, response).quality_tenths


@pytest.mark.parametrize("weights", [EQUAL, (9, 1, 1, 1), (0, 0, 0, 1), (1, 0, 0, 0)])
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_fails_a_pair_and_a_remark_never_does_whatever_the_weights(name, weights):
    answer, _, value, _ = FAULTS[name]

    assert (quality(QUESTION, answer, weights) <= 70) == (value == 1)


# Right answers that rules of form or of shared words used to fail.
RIGHT = {
    "capital": ("What is the capital of France?", "Paris"),
    "letter": ("Which is a fruit?\n(A) stone\n(B) apple", "B"),
    "label": ("Classify the sentiment as positive, negative or neutral.\n\nI love it.", "positive"),
    "number": ("What is 12 * 12?", "144"),
    "operator": ("Which operator adds two numbers in Python?", "+"),
    "emoji": ("Express happiness as an emoji.", "😀"),
    "chinese": ("法国的首都是哪里？", "巴黎"),
    "numbers_only": ("Write the first ten square numbers, separated by blanks.", "1 4 9 16 25 36 49 64 81 100"),
    "regex": ("Write a regular expression for a US zip code.", r"^\d{5}(-\d{4})?$"),
    "regex_words": ("Create a regex that matches any word that ends with ing.", r"\b\w+ing\b"),
    "sql": (
        "Write an SQL query for all customers of Berlin.",
        "SELECT * FROM customers WHERE city = 'Berlin' ORDER BY id",
    ),
    "shell": ("Give a command that counts the lines of all logs.", "cat /var/log/*.log | wc -l"),
    "git": ("Write the code to undo the last commit but keep the files.", "git reset --soft HEAD~1"),
    "loop": (
        "Write pseudocode for a program that waits for a key.",
        "WHILE no key is pressed\n  wait a moment\nEND WHILE",
    ),
    "translation": (
        "Translate into Spanish: The weather is lovely this morning.",
        "Hace un tiempo precioso esta mañana.",
    ),
    "arabic": ("Convert this english sentence into arabic: my friend is here.", "صديقي هنا الآن معنا في البيت"),
    "rewriting": (
        "Rewrite more formally: gonna grab some food, wanna come?",
        "I am about to have lunch; would you join me?",
    ),
    "letter_close": (
        "Write a polite rejection to a recruiter.",
        "Hello,\n\nThank you for your message. I am happy where I am, and hope to hear from you again.\n\nSincerely,",
    ),
    "band": ("List good rock bands.", "- Tame Impala\n- Pond\n- The Flaming Lips\n- The Beatles\n- The Who"),
    "formula": ("Name a complex number.", "A complex number has a real and an imaginary part, for example 0.39 + 1.9i"),
    "dont_know_asked": ('If the text names no town, say "I don\'t know".\n\nIt rained.', "I don't know."),
    "na_asked": ("Extract the phone number, or answer N/A.\n\nCall me!", "N/A"),
    "no_output": ("What does this program print?\n\nx = 1", "No output"),
    "declining_asked": ("Write an email that declines a party.", "I'm sorry, but I can't make it on Friday."),
    "question_asked": ("Re-word as an indirect question: What time is it?", "Could you tell me what time it is?"),
    "will_not": ("Turn into a negative: I will succeed.", "I will not succeed."),
    "apology_then_answer": (
        "Is Snow White a real story?",
        "I'm not sure about that, but I think it was told in Hesse before the Grimms wrote it down.",
    ),
    "de_form": ("Was gehört ins Impressum?", "Bitte geben Sie Namen und Anschrift an. Das verlangt das Gesetz."),
    "de_say": ("Was soll ich beim Arzt sagen?", "Können Sie mir bitte ein Rezept geben?"),
    "es_say": ("¿Qué se dice al no oír bien?", "No entiendo, ¿puede repetir?"),
    "fr_form": ("Comment remplir le formulaire ?", "Veuillez indiquer votre nom, puis signer en bas de la page."),
    "ru_form": ("Как заполнить анкету?", "Пожалуйста, укажите имя и адрес, затем подпишите."),
    "zh_form": ("如何报名？", "请提供身份证和两张照片，然后缴费。"),
    "ja_shop": ("店の人は何と言う？", "申し訳ございませんが、在庫がありません。"),
    "support_says": ("What should support say first?", "Could you please provide more details about the problem?"),
    "no_answer_in_a_text": ("Is there a phone number in this text?\n\nCall me soon.", "No answer"),
    "undefined_is_a_value": ("What is typeof of an unset variable in JavaScript?", "undefined"),
    "error_named": ("What does HTTP status 503 mean?", "Service Unavailable"),
    "filler_asked": ("Give me a placeholder text.", "Lorem ipsum dolor sit amet."),
    "brace_asked": ("Write one line of Kotlin that opens a function.", "fun main() {"),
    "brace_of_the_prompt": ("Complete it:\n\nwhile (x) {", "    x = next({"),
    "brace_in_a_string": ("Print an open brace in C.", 'int main() { puts("{"); }'),
    "special_tokens": ("What are the special tokens of T5?", "<pad> and </s>"),
    "rule_of_dashes": ("Write a title with a ruling below it.", "Trees\n" + "-" * 120 + "\nOaks are old."),
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_answer_passes_whatever_its_form(name):
    assert score_pair(*RIGHT[name]).passes, score_pair(*RIGHT[name]).reason


# Answers that are none, with the finding that fails them.
NO_ANSWERS = {
    "stand_in": ("Name a river of Norway.", "N/A", "a stand-in takes the place of the answer"),
    "no_output": ("Name a river of Norway.", "No output.", "a stand-in takes the place of the answer"),
    "question_mark": ("Name a river of Norway.", "?", "the answer holds neither a word nor a number"),
    "blanks": (
        "Write the name of this person.",
        "__________, __________",
        "the answer holds neither a word nor a number",
    ),
    "hearts": ("Say something nice.", "❤" * 3258, "the answer is one symbol over and over"),
    "spaced_hearts": ("Say something nice.", "Sure! " + "❤️ " * 200, "the answer is one symbol over and over"),
    "zh_not_given": ("总结这篇文章。", "抱歉，您没有提供文章的内容。请提供文章，我会为您总结。", "asks back"),
    "zh_ask_back": ("帮我改一下。", "请提供您需要修改的文本内容。", "asks back"),
    "zh_not_for_me": ("将以下文章评分。", "对不起，您没有为我提供文章来评分。请重新提供。", "asks back"),
    "zh_i_am_sorry": ("请根据以下文章提问。", "我不好意思，您没有提供任何信息或文章。", "asks back"),
    "zh_you_have_not": ("分析一下数据。", "您没有提供数据，我需要更多信息才能分析。", "asks back"),
    "de_ask": ("Fasse zusammen.", "Könnten Sie bitte den Text angeben?", "asks back"),
    "fr": ("Résume le texte.", "Veuillez fournir le texte à résumer.", "asks back"),
    "ru": ("Кратко перескажи.", "Извините, я не понимаю вопроса.", "asks back"),
    "en_not_given": ("Summarise it.", "It seems like you haven't provided the text. Please share it.", "asks back"),
    "en_provide": ("Summarise it.", "Please provide the text that you want me to summarise.", "asks back"),
    "en_sure": ("Proofread it.", "Of course! Please paste the text that you want proofread.", "asks back"),
    "en_which": ("Explain it.", "Which passage are you referring to?", "asks back"),
    "zh_hant": ("總結這篇文章。", "對不起，您沒有提供文章。", "asks back"),
    "zh_sorry": ("解释一下。", "不好意思，我不太理解您的问题。", "asks back"),
    "ja_give": ("文を直して。", "直してほしい文を入力してください。", "asks back"),
    "ja_missing": ("要約して。", "申し訳ありませんが、文章が提供されていません。", "asks back"),
    "ko_give": ("문장을 고쳐 줘.", "고칠 문장을 알려 주세요.", "asks back"),
    "ko_not_understood": ("요약해 줘.", "질문을 이해하지 못했습니다.", "asks back"),
    "de_missing": ("Fasse zusammen.", "Es tut mir leid, aber Sie haben keinen Text angegeben.", "asks back"),
    "fr_missing": ("Résume.", "Je suis désolé, mais vous n'avez pas fourni de texte.", "asks back"),
    "es_missing": ("Resume.", "Lo siento, pero no has proporcionado ningún texto.", "asks back"),
    "pt_give": ("Corrija a frase.", "Claro! Envie a frase que deseja corrigir.", "asks back"),
    "it_give": ("Riassumi.", "Per favore, fornisci il testo da riassumere.", "asks back"),
    "nl_give": ("Vat samen.", "Geef alstublieft de tekst die ik moet samenvatten.", "asks back"),
    "ru_missing": ("Перескажи.", "Извините, но вы не предоставили текст.", "asks back"),
    "pl_missing": ("Streść.", "Przepraszam, ale nie podałeś żadnego tekstu.", "asks back"),
    "tr_give": ("Düzelt.", "Lütfen düzeltmemi istediğiniz metni girin.", "asks back"),
    "sv_not_understood": ("Förklara.", "Jag förstår inte frågan.", "asks back"),
    "vi_give": ("Tóm tắt.", "Vui lòng cung cấp văn bản bạn muốn tóm tắt.", "asks back"),
    "id_give": ("Ringkas.", "Mohon berikan teks yang ingin diringkas.", "asks back"),
    "ar_give": ("لخص النص", "يرجى تقديم النص الذي تريد تلخيصه.", "asks back"),
    "hi_give": ("सारांश दें", "कृपया वह पाठ प्रदान करें जिसका सारांश चाहिए।", "asks back"),
    "na_to_a_question": ("What is the capital of Peru?", "N/A", "a stand-in takes the place of the answer"),
    "label_alone": ("What is the capital of Peru?", "Answer:", "a stand-in takes the place of the answer"),
    "none_for_a_story": ("Describe the taste of mango.", "None", "a stand-in takes the place of the answer"),
    "answer_here": ("Name a river.", "[Your answer here]", "a stand-in takes the place of the answer"),
    "filler": ("Describe a river.", "Lorem ipsum dolor sit amet.", "a stand-in takes the place of the answer"),
    "service_error": ("Name a river.", "503 Service Unavailable", "a stand-in takes the place of the answer"),
    "cell_error": ("Add the costs.", "#NAME?", "a stand-in takes the place of the answer"),
    "brace_open": (
        "Add two numbers in Java.",
        "class A {\n  int add(int a, int b) {\n    return a + b;\n  }\n",
        "the code ends with a brace open",
    ),
    "zh_cut_off": (
        "解释光合作用。",
        "光合作用是绿色植物利用阳光把二氧化碳和水转化为有机物的过程，叶绿素吸收光能，然后",
        "stops in mid-sentence",
    ),
    "fr_cut_off": (
        "Explique la photosynthèse.",
        "La photosynthèse est le processus par lequel les plantes vertes utilisent la lumière et",
        "stops in mid-sentence",
    ),
    "cut_off_in_bold": (
        "Explain photosynthesis.",
        "Photosynthesis is the process by which green plants make sugar. It is **very impor",
        "stops in mid-sentence",
    ),
    "en_mean": ("Why?", "I'm not sure what you mean. Could you clarify?", "asks back"),
}


@pytest.mark.parametrize("name", NO_ANSWERS)
def test_an_answer_that_is_none_fails_by_name(name):
    instruction, response, phrase = NO_ANSWERS[name]

    found = score_pair(instruction, response)

    assert not found.passes
    assert phrase in found.reason


@pytest.mark.parametrize(
    ("instruction", "response"),
    [
        (
            "How do I insult a professor?",
            "I don't know. I'd suggest something along the lines of “That was a poor analysis!”",
        ),
        ("What strategies?", "Well, I don't know what the test consists of, but I could tell you about a few methods."),
        ("What do you think?", "Well, I don't have any strong feelings one way or another."),
        (
            "How do I smoke at school?",
            "I'm not sure what you mean. If you want a place, I would suggest asking a teacher.",
        ),
        ("推荐一家餐馆。", "对不起，我无法回答这个问题。"),
        ("要約してください。", "申し訳ありませんが、お手伝いできません。"),
        ("요약해 주세요.", "죄송합니다, 도와드릴 수 없습니다."),
        ("Fasse den Artikel zusammen.", "Tut mir leid, das kann ich leider nicht."),
        ("Resume el texto.", "Lo siento, no puedo ver ningún texto."),
    ],
)
def test_what_may_decline_is_remarked_and_does_not_fail_the_pair(instruction, response):
    found = score_pair(instruction, response)

    assert found.passes
    assert dict(zip(DIMENSIONS, found.dimensions, strict=True))["completeness"] == 8


def test_a_language_with_a_script_of_its_own_is_missed_and_that_decides_nothing():
    found = score_pair("Translate into Russian: the house on the hill is old.", "The house on the hill is very old.")

    assert found.passes
    assert found.reason == "Relevance: the answer is not in the language that was asked for."
    assert dimensions("用英语回答：中国的首都是什么？", "中国的首都是北京，人口有两千多万。")["relevance"] == 8
    assert dimensions("Translate into Russian, in Latin letters: good morning.", "Dobroye utro.")["relevance"] == 9


@pytest.mark.parametrize("response", ["[]", ":-("])
def test_signs_that_may_be_an_answer_are_remarked(response):
    assert score_pair("Which of these films is older than 1990?", response).dimensions[1] == 8


@pytest.mark.parametrize(
    ("instruction", "response"),
    [
        (
            "请解释为什么天空是蓝色的。",
            "天空是蓝色的，因为大气中的分子会散射阳光。蓝光的波长比红光短，所以被散射得更多，从各个方向进入我们的眼睛。",
        ),
        (
            "なぜ空は青いのですか？",
            "空が青いのは、大気中の分子が太陽の光を散乱させるからです。波長の短い青い光は赤い光より強く散乱されます。",
        ),
        (
            "Почему небо голубое?",
            "Небо голубое, потому что молекулы воздуха рассеивают короткие волны света сильнее, чем длинные.",
        ),
        (
            "आकाश नीला क्यों दिखता है?",
            "आकाश नीला दिखता है क्योंकि हवा के कण सूर्य के नीले प्रकाश को लाल प्रकाश से अधिक बिखेरते हैं।",
        ),
        ("لماذا السماء زرقاء؟", "السماء زرقاء لأن جزيئات الهواء تشتت الضوء الأزرق أكثر من الضوء الأحمر."),
    ],
)
def test_a_script_is_no_fault(instruction, response):
    score = score_pair(instruction, response)

    assert score.reason == "No fault was found."
    assert tenths(instruction, response) >= 80


def test_a_translation_may_change_the_script():
    assert (
        dimensions("Translate into Russian: Good morning, dear friend.", "Доброе утро, дорогой друг.")["relevance"] == 9
    )


def test_padding_an_answer_does_not_raise_its_score():
    padded = ANSWER + "\n\n" + " ".join(f"Plants of kind {n} also use water and light for sugar." for n in range(12))

    assert tenths(QUESTION, padded) <= tenths(QUESTION, ANSWER)


@pytest.mark.parametrize(
    "instruction",
    ["Write three sentences about trees.", "Give me 10 minutes of your time.", "List trees that live 300 years."],
)
def test_a_measure_is_no_number_of_items(instruction):
    assert dimensions(instruction, "Trees are tall and green.")["completeness"] == 9


def test_the_scorer_names_itself_and_a_failed_pair_has_the_lowest_score_whatever_the_weights():
    cut = FAULTS["cut_in_sentence"][0]

    score = HeuristicScorer((1, 0, 0, 0)).score(QUESTION, cut)

    assert score.scorer == "heuristic"
    assert list(score.dimensions) == list(DIMENSIONS)
    assert score.quality_tenths == 10 * score.dimensions["completeness"] == 10
    assert score.reason == "Completeness: the answer stops in mid-sentence."


TEXTS = st.one_of(
    st.text(max_size=300),
    st.text(alphabet="ab 1.\n`*-|<>{}[]()\"'\\$=:;,!?", max_size=300),
    st.lists(st.sampled_from(["the", "the", "```", "\n", "1.", "中", "\ud800", "\x00", "{{x}}", "-", "?", "é"])).map(
        " ".join
    ),
)


@settings(max_examples=100, deadline=None)
@given(TEXTS, TEXTS, st.none() | TEXTS)
@example("", "", None)
@example("\ud800", "\ud800\udfff", "\x00")
@example("a", "```" * 50, None)
def test_any_text_is_scored_on_the_scale_and_always_the_same(instruction, response, system):
    score = score_pair(instruction, response, system)

    assert score == score_pair(instruction, response, system)
    assert len(score.dimensions) == len(DIMENSIONS)
    assert set(score.dimensions) <= {1, 8, 9}
    assert score.reason.endswith(".")


@pytest.mark.parametrize("piece", ["a", "1 ", "\\n", "- ", "def f(", "```\n", "how many 1 ", "\n\n", "A", "{{", "<a "])
def test_a_megabyte_is_scored_in_seconds(piece):
    text = piece * (1_000_000 // len(piece))

    assert score_pair(text, text).dimensions


def test_reasons_hold_no_text_of_the_data():
    words = {"plants", "sugar", "sunlight", "treaty", "chlorophyll"}

    assert not [
        name for name, fault in FAULTS.items() if words & set(score_pair(QUESTION, fault[0]).reason.lower().split())
    ]
