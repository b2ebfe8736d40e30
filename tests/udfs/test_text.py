"""What may change in a kept text, and how careful the guesses about a text are."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from udfs.text import clean_text, detect_language, key_text, repair_literal_escapes, strip_no_input


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("a\r\nb\rc\n", "a\nb\nc\n"),
        ("\ufeffa\ufeffb", "a\ufeffb"),
        ("a\0b", "ab"),
        ("\ud800 and \udfff", "\ufffd and \ufffd"),
        ("  ﬁne,\tas it is \u2028", "  ﬁne,\tas it is \u2028"),
    ],
)
def test_a_clean_text_differs_only_where_it_must(text, clean):
    assert clean_text(text) == clean


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(exclude_categories=()) | st.sampled_from("\0\r\n\ufeff\ud800")))
def test_cleaning_is_idempotent_and_gives_what_utf8_can_hold(text):
    clean = clean_text(text)
    assert clean_text(clean) == clean
    assert clean.encode().decode() == clean
    assert not set("\0\r") & set(clean)
    assert not clean.startswith("\ufeff")


def test_the_key_of_a_text_is_blind_to_white_space_and_compatibility_forms():
    assert key_text(" ﬁne\u00a0\n\tas  it is ") == key_text("fine as it is") == "fine as it is"
    assert key_text("Fine") != key_text("fine")


REPAIRED = {
    r"Is it true?\nOptions:\n- yes\n- no": "Is it true?\nOptions:\n- yes\n- no",
    r'Is it a fact?\n"A cat barks."\nIs that right?'
    + "\nThink:": 'Is it a fact?\n"A cat barks."\nIs that right?\nThink:',
    r"12 = 3 * 4\n24 = 2 * 12\n∴ x = 2": "12 = 3 * 4\n24 = 2 * 12\n∴ x = 2",
    r"A long passage.\n\nAnswer this: what is it?": "A long passage.\n\nAnswer this: what is it?",
    r"It ends here.\nthen it goes on": "It ends here.\nthen it goes on",
    r"Pick one. \n(A) $a \neq b$\n(B) $2 \times 3$": "Pick one. \n(A) $a \\neq b$\n(B) $2 \\times 3$",
    r"Name:\tAge\nBob:\t7": "Name:\tAge\nBob:\t7",
}


@pytest.mark.parametrize("text", REPAIRED)
def test_the_literal_escapes_of_a_broken_converter_become_line_breaks(text):
    assert repair_literal_escapes(text) == REPAIRED[text]


@pytest.mark.parametrize(
    "text",
    [
        "no escape at all\nhere",
        r"Separate the lines with \n and nothing else.",
        r'Replace "\n" by a space.\nThen print it.',
        r"Use `\n`.\nAnd then stop.",
        r"The pattern `end.\nStart` splits it.",
        r"The split('\n') call.\nIt splits.",
        r"print(f'Usage is high.\nCurrent usage: {x}')",
        "```\nputs(x.\\nY);\n```",
        "```\nputs(x.\\nY);",
        "a curly ‘Hello world\\nMy name’",
        r"[^\n]+",
        r"a|\n|b",
        r"(\n)",
        r"\\nVolume = 6",
        r"root\name\New",
        r"C:\new\Name.txt",
        r"$\nabla f \neq \nu$",
        r"$x,\nu$",
        r"ends with \n",
        "int main() {\n  char c;\n  c = x;\\nY\n}\n",
        r"only a tab:\tA",
    ],
)
def test_a_backslash_that_is_meant_stays(text):
    assert repair_literal_escapes(text) is None


@pytest.mark.parametrize("hostile", [r"\n", '"', "'", "“", "‘", "`", "```", r"\n'", r'x\n"', " '", r".\nA"])
def test_repairing_a_megabyte_of_anything_takes_linear_time(hostile):
    text = (hostile * 10**6)[: 10**6]
    start = time.process_time()
    repair_literal_escapes(text + r"\n")
    assert time.process_time() - start < 3


@pytest.mark.parametrize("file", ["aqua", "creak", "ecqa", "qasc"])
def test_the_files_of_the_broken_converter_are_repaired(shared_data, file):
    records = json.loads((shared_data / f"sources/alpaca_format/{file}_train.json").read_bytes())
    broken = [record["instruction"] for record in records if "\\n" in record["instruction"]]
    repaired = [text for text in map(repair_literal_escapes, broken) if text is not None]
    assert len(repaired) >= 0.98 * len(broken) > 1000
    assert all("\\n" not in text for text in repaired)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "What is the capital of France, and how do you get there?"),
        ("en", "Translate into French: the boy kicked the ball."),
        ("en", "Where are you going?"),
        ("en", "Give me more info about Frank-Walter Steinmeier"),
        ("nl", "Wat is het verschil tussen een rivier en een kanaal, of is dat hetzelfde?"),
        ("fr", "Quelle est la capitale de la France et comment peut-on s'y rendre en train ?"),
        ("de", "Bitte erkläre mir den Unterschied zwischen einem Fluss und einem Kanal."),
        ("es", "¿Cuál es la diferencia entre un río y un canal, y por qué es importante?"),
        ("ru", "Объясни, пожалуйста, чем река отличается от канала и почему это важно."),
        ("zh", "请解释河流与运河的区别"),
        ("zh", "请解释这个词：の，它在句子里的作用是什么呢"),
        ("ja", "川と運河の違いを説明してください"),
        ("ko", "강과 운하의 차이를 설명해 주세요"),
        ("el", "Ποια είναι η διαφορά;"),
        ("th", "สวัสดี"),
        (None, ""),
        (None, "12 + 7 = 19"),
        (None, "OK"),
        (None, "d3eb3504653eba66b47a82f3cb52d3eb3504653eba66b47a82f3cb52afbbcedd"),
    ],
)
def test_a_language_is_named_only_where_it_is_sure(language, text):
    assert detect_language(text) == language


def test_nearly_no_english_text_is_taken_for_another_language(shared_data):
    records = json.loads((shared_data / "sources/alpaca_format/dolly_3k.json").read_bytes())
    found = [detect_language(f"{record['instruction']}\n{record['output']}") for record in records]
    assert sum(code not in ("en", None) for code in found) <= 3
    assert found.count("en") >= 0.95 * len(found)


@pytest.mark.parametrize(
    ("prompt", "left"),
    [
        ("Tell a joke.\n\nNoinput", "Tell a joke."),
        ("Tell a joke.\nNo input.", "Tell a joke."),
        ("Tell a joke.\n\n[noinput]", "Tell a joke."),
        ("Tell a joke.\n\nN/A", "Tell a joke."),
        ("Tell a joke.\n\nInput: no input required", "Tell a joke."),
        ("My dearest Cassandra,<noinput>", "My dearest Cassandra,"),
        ("Noinput", "Noinput"),
        ("\n<noinput>", "\n<noinput>"),
        ("What does this abbreviation stand for?\n\nN/A", "What does this abbreviation stand for?\n\nN/A"),
        ("Does it need an input, or no input", "Does it need an input, or no input"),
        ("Name the type.\n\nNone", "Name the type.\n\nNone"),
    ],
)
def test_a_last_line_that_only_says_no_input_is_taken_away(prompt, left):
    assert strip_no_input(prompt) == left
    assert strip_no_input(left) == left
