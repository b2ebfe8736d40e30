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


LOOP = " ".join(["Plants make sugar from light and water in their green leaves."] * 12)

# What is changed in the good pair: (answer, dimension that must fall, its value, the reason).
FAULTS = {
    "off_topic": (
        "The treaty was signed in May 1648 after long talks of many princes, and it ended thirty terrible years"
        " of war. Its terms gave each ruler the right to choose a religion for his lands, and so it shaped an age.",
        "relevance",
        1,
        "Relevance: a long answer shares no content word with the question.",
    ),
    "other_script": (
        "Растения производят сахар из света и воды в зелёных листьях с помощью хлорофилла.",
        "relevance",
        1,
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
        2,
        "Completeness: the answer ends by announcing what does not follow.",
    ),
    "declines": (
        "I'm not sure what you mean by sugar, water and plants. Could you clarify your question about leaves?",
        "completeness",
        2,
        "Completeness: the answer declines or asks back.",
    ),
    "no_full_stop": (ANSWER.rstrip("."), "completeness", 6, "Completeness: the last sentence has no end."),
    "one_word": ("Photosynthesis", "completeness", 6, "an explanation was asked for and the answer is a word or two."),
    "wall": (
        " ".join(f"Plant number {n} makes its sugar from the light of day {n}." for n in range(70)),
        "clarity",
        2,
        "Clarity: the answer is one wall of text.",
    ),
    "endless_sentence": (
        ANSWER.replace(". ", " and then ").replace(".\n\n", " and "),
        "clarity",
        6,
        "Clarity: the sentences are very long.",
    ),
    "lower_case": (ANSWER.lower(), "clarity", 6, "Clarity: sentences begin in lower case."),
    "capitals": (ANSWER.upper(), "clarity", 6, "Clarity: the answer is in capitals."),
    "doubled_word": (ANSWER.replace("the light", "the the light"), "clarity", 7, "Clarity: a word is doubled."),
    "spaced_letters": (
        "P l a n t s m a k e s u g a r f r o m s u n l i g h t a n d w a t e r .",
        "clarity",
        2,
        "Clarity: the letters of the words are spaced out.",
    ),
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
        2,
        "Cleanliness: a blank was left to be filled in.",
    ),
    "wrong_decoding": (
        ANSWER.replace(", and", " â€” and"),
        "cleanliness",
        2,
        "Cleanliness: characters were decoded wrongly.",
    ),
    "replacement_character": (
        ANSWER.replace("sugar", "sug\ufffdr", 1),
        "cleanliness",
        6,
        "Cleanliness: there are characters that nobody can read.",
    ),
    "tags": (
        ANSWER.replace("\n\n", "<br/>\n"),
        "cleanliness",
        6,
        "Cleanliness: markup of a web page is left in the text.",
    ),
    "model": (
        "As an AI language model, I can say this. " + ANSWER,
        "cleanliness",
        6,
        "Cleanliness: the answer speaks of being a model.",
    ),
    "label": ("Answer: " + ANSWER, "cleanliness", 7, "Cleanliness: the answer begins with a label."),
    "footnotes": (
        ANSWER.replace(".\n", ".[3]\n"),
        "cleanliness",
        7,
        "Cleanliness: references to missing notes are left in the text.",
    ),
    "exclamations": (
        ANSWER[:-1] + "!!!!!",
        "cleanliness",
        6,
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
    assert min(others.values()) >= 7, others


COUNTRY = "Tell me about the rivers, mountains, forests and weather of Norway."
MORE_FAULTS = {
    "single_word": (
        "Tell me about the rivers, mountains, forests, farms, trains and weather of Norway.",
        "There is a lot to say. The rivers are long and cold. Many fish live in them, and people come from far away to "
        "catch them. In summer the days never end, and in winter they hardly begin, so that lamps burn all day long.",
        (7, 8, 9, 9),
        "Relevance: a long answer shares a single content word with the question.",
    ),
    "few_words_off_topic": (
        COUNTRY,
        "It has been signed by both sides and will be kept in a safe place until then, with two copies for us.",
        (6, 8, 9, 9),
        "Relevance: the answer shares no content word with the question.",
    ),
    "short_essay": (
        "Write an essay about the rivers of Norway.",
        "The rivers of Norway are long and cold.",
        (9, 2, 9, 9),
        "Completeness: a long text was asked for and the answer is short.",
    ),
    "few_of_many_words": (
        "Describe the rivers of Norway in about 200 words.",
        "The rivers of Norway are long and cold.",
        (9, 2, 9, 9),
        "Completeness: the answer is much shorter than asked for.",
    ),
    "mashed_keys": (
        COUNTRY,
        "Norway rivers sdfgh jklqwrt mountains zxcvbnm sdfghjk forests qwrtp xcvbn weather dfghj.",
        (9, 8, 1, 9),
        "Clarity: the words are garbled.",
    ),
    "symbols": (
        COUNTRY,
        "Norway <>{}[]||// rivers ++--==**&&^^%% forests ##@@!~ ((())) {}{}{}{} weather",
        (9, 8, 2, 9),
        "Clarity: there are more symbols than words.",
    ),
    "run_together": (
        COUNTRY,
        "The weather of Norway ismildatthecoastandcoldinthemountainseverywinter and its rivers are long.",
        (9, 8, 6, 9),
        "Clarity: words run together.",
    ),
    "glued_sentences": (
        COUNTRY,
        "Norway has rivers.They are long.Its mountains are high.Its forests are dark.The weather is mild.",
        (9, 8, 6, 9),
        "Clarity: blanks are missing between sentences.",
    ),
    "small_beginning": (
        COUNTRY,
        "the rivers of Norway are long and cold. Its mountains are high, and its forests dark.",
        (9, 8, 7, 9),
        "Clarity: the answer begins in lower case.",
    ),
    "same_sentence_twice": (
        COUNTRY,
        "The rivers of Norway are long and cold. Its mountains are very high. The weather is mild at the western coast."
        " Its forests are dark and deep. Its fjords are known everywhere. The weather is mild at the western coast.",
        (9, 8, 9, 7),
        "Cleanliness: a sentence is repeated.",
    ),
    "mostly_repeated": (
        COUNTRY,
        "The rivers of Norway are long and cold. " * 3,
        (8, 8, 9, 2),
        "Cleanliness: most sentences are repeated.",
    ),
    "written_out_line_ends": (
        COUNTRY,
        "Norway has rivers.\\nIts mountains are high.\\nIts forests are dark.\\nThe weather is mild.",
        (9, 8, 9, 6),
        r"Cleanliness: line ends are written out as \n.",
    ),
    "tool": (
        COUNTRY,
        "The weather of Norway is: weather('Norway'), and its rivers are long.",
        (9, 8, 9, 1),
        "Cleanliness: the answer calls a tool instead of answering.",
    ),
}


@pytest.mark.parametrize("name", MORE_FAULTS)
def test_each_rule_has_its_own_words_and_value(name):
    instruction, answer, points, reason = MORE_FAULTS[name]

    found = score_pair(instruction, answer)

    assert found.dimensions == points
    assert found.reason == reason


@pytest.mark.parametrize(("sentences", "clarity"), [(10, 9), (16, 7), (28, 6), (70, 2)])
def test_a_paragraph_is_the_worse_the_longer_it_is(sentences, clarity):
    answer = " ".join(f"Plant number {n} makes its sugar from the light of day {n}." for n in range(sentences))

    assert dimensions(QUESTION, answer)["clarity"] == clarity


@pytest.mark.parametrize("name", [name for name, fault in FAULTS.items() if fault[2] == 1])
def test_one_severe_fault_fails_a_pair_whatever_the_rest_is_worth(name):
    assert tenths(QUESTION, FAULTS[name][0]) <= 70


@pytest.mark.parametrize(
    ("instruction", "response"),
    [
        ("What is the capital of France?", "Paris"),
        ("What is the capital of France?", "Paris."),
        ("Which is a fruit?\n(A) stone\n(B) apple", "B"),
        ("Is the sun a star?", "Yes"),
        ("Classify the sentiment as positive, negative or neutral.\n\nI love it.", "positive"),
        ("What is 12 * 12?", "144"),
        ("Which operator adds two numbers in Python?", "+"),
        ("Express happiness as an emoji.", "😀"),
        ("法国的首都是哪里？", "巴黎"),
        ("Welche Farbe hat der Himmel?", "Blau"),
    ],
)
def test_a_short_right_answer_is_not_punished(instruction, response):
    assert tenths(instruction, response) >= 75


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
        dimensions("Translate into Russian: Good morning, dear friend.", "Доброе утро, дорогой друг.")["relevance"] >= 7
    )


def test_padding_an_answer_does_not_raise_its_score():
    padded = ANSWER + "\n\n" + " ".join(f"Plants of kind {n} also use water and light for sugar." for n in range(12))

    assert tenths(QUESTION, padded) <= tenths(QUESTION, ANSWER)


@pytest.mark.parametrize(
    ("response", "completeness"),
    [
        ("1. Oak\n2. Elm\n3. Ash\n4. Fir\n5. Yew", 9),
        ("Oak, elm, ash, fir, yew", 9),
        ("1. Oak\n2. Elm\n3. Ash\n4. Fir", 6),
        ("1. Oak\n2. Elm", 2),
    ],
)
def test_items_are_counted_where_a_number_is_asked_for(response, completeness):
    assert dimensions("List five trees that grow in Europe.", response)["completeness"] == completeness


@pytest.mark.parametrize(
    ("instruction", "response", "points"),
    [
        ("What is the capital of France?", "Paris", (8, 8, 9, 9)),  # unknown whether it is about France
        ("Is it A or B? Answer in one word.", "Neither", (8, 9, 9, 9)),
        ("Is the sun a star? Answer yes or no.", "Yes", (9, 9, 9, 9)),  # one of those that are offered
        (
            "Write a story about a fox.",
            "A fox saw grapes. They hung high. The fox jumped and jumped. It could not reach them at all. "
            "So it walked away, and said that the grapes were sour anyway. No other fox believed "
            "a word of it, and the grapes hung there all year.",
            (8, 9, 9, 9),
        ),
    ],
)
def test_evidence_is_for_the_form_that_was_asked_for(instruction, response, points):
    assert score_pair(instruction, response).dimensions == points


def test_one_very_long_sentence_among_short_ones_is_a_slight_fault():
    answer = f"{ANSWER} They do so {'and so ' * 30}on. That is all. It works. Plants grow. Leaves fall."

    assert score_pair(QUESTION, answer).reason == "Clarity: a sentence is very long."
    assert dimensions(QUESTION, answer)["clarity"] == 7


@pytest.mark.parametrize(
    "instruction",
    ["Write three sentences about trees.", "Give me 10 minutes of your time.", "List trees that live 300 years."],
)
def test_a_measure_is_no_number_of_items(instruction):
    assert dimensions(instruction, "Trees are tall and green.")["completeness"] >= 7


@pytest.mark.parametrize(
    ("response", "completeness"),
    [
        ("```python\ndef add(a, b):\n    return a + b\n```", 9),
        ("def add(a, b):\n    return a + b", 9),
        ("You should think about what the two numbers are and then put them together.", 2),
    ],
)
def test_code_must_be_there_where_it_is_asked_for(response, completeness):
    assert dimensions("Write a function that adds two numbers.", response)["completeness"] == completeness


def test_code_that_has_lost_its_indentation_is_unclear():
    broken = "def sign(n):\nif n < 0:\nreturn -1\nreturn 1"

    assert dimensions("Write a Python function for the sign of n.", broken)["clarity"] == 2
    assert dimensions("Write a Python function.", "def sign(n):\n    if n < 0:\n        return -1")["clarity"] == 8


def test_words_are_compared_with_a_system_prompt_too():
    answer = (
        "Volcanoes erupt where molten rock rises through the crust. " * 1
        + "Ash and lava then cover the land " * 6
        + "."
    )

    assert (
        dimensions("Tell us, dear expert, everything important now, briefly, kindly, slowly.", answer)["relevance"] == 1
    )
    assert (
        dimensions(
            "Tell us, dear expert, everything important now, briefly, kindly, slowly.",
            answer,
            "You know volcanoes and lava.",
        )["relevance"]
        > 1
    )


def test_a_follow_up_need_not_repeat_words():
    answer = " ".join(["The blue light is scattered by gas molecules, which is what makes the heavens look so."] * 3)

    assert (
        dimensions("Can you simplify this explanation again, please, shorter and friendlier?", answer)["relevance"] == 6
    )


def test_the_scorer_names_itself_and_weighs():
    cut = FAULTS["cut_in_sentence"][0]

    score = HeuristicScorer((0, 1, 0, 0)).score(QUESTION, cut)

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
    assert all(1 <= points <= 9 for points in score.dimensions)
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
