"""How the transcripts of Anthropic-HH are read."""

import pytest

from tests.support.reading import drafts, reason
from udfs.formats.draft import Draft, Turn

CHOSEN = "\n\nHuman: Hi\n\nAssistant: Hello.\n\nHow are you?\n\nHuman: Fine. Human: you?\n\nAssistant: Good."
HISTORY = (Turn("user", "Hi"), Turn("assistant", "Hello.\n\nHow are you?"))


def test_by_default_only_the_last_prompt_is_taken():
    record = {"chosen": CHOSEN, "rejected": "never read"}
    assert drafts("anthropic_hh", record) == (Draft(turn=0, instruction="Fine. Human: you?", history=HISTORY),)


def test_pairs_take_the_chosen_answer_too():
    (draft,) = drafts("anthropic_hh", {"chosen": CHOSEN, "rejected": "never read"}, use="pairs")
    assert draft == Draft(turn=0, instruction="Fine. Human: you?", history=HISTORY, response="Good.")


@pytest.mark.parametrize("ending", ["\n\nAssistant:", "\n\nAssistant: ", ""])
def test_a_transcript_without_its_last_answer_keeps_the_prompt(ending):
    assert drafts("anthropic_hh", {"chosen": "\n\nHuman: Hi" + ending}, use="pairs") == (
        Draft(turn=0, instruction="Hi"),
    )


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ("\n\nHuman: a\n\nHuman: b\n\nAssistant: c", "malformed_transcript"),
        ("\n\nHuman: a\n\nAssistant: b\n\nAssistant: c", "malformed_transcript"),
        ("\n\nAssistant: a\n\nHuman: b\n\nAssistant: c", "malformed_transcript"),
        ("\n\nHuman: \n\nAssistant: c", "malformed_transcript"),
        ("\n\nAssistant: c", "malformed_transcript"),
        ("no transcript", "wrong_format"),
        ("", "wrong_format"),
        (["a"], "not_text"),
    ],
)
def test_a_malformed_transcript_is_refused_by_name(chosen, expected):
    assert reason("anthropic_hh", {"chosen": chosen, "rejected": "x"}) == expected
    assert reason("anthropic_hh", {"rejected": CHOSEN}) == "wrong_format"
