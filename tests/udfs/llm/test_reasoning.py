"""What a model thought is told from what it answered."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from udfs.llm.reasoning import Separated, split_reasoning

HARMONY = "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>Yes.<|return|>"


@pytest.mark.parametrize(
    "text",
    [
        "<think>\nhm\n</think>\n\nYes.",
        "<thinking>hm</thinking>Yes.",
        "<Think>hm</THINK>\nYes.",
        "&lt;think&gt;hm&lt;/think&gt;Yes.",
        "< think >hm</ think >\nYes.",
        '<thinking type="deep">hm</thinking>Yes.',
        "<thinking>hm</thinking>Yes.",
        "<seed:think>hm</seed:think>Yes.",
        "<thought>hm</thought>Yes.",
        "<reasoning>hm</reasoning>\nYes.",
        "<analysis>hm</analysis>\nYes.",
        "[THINK]hm[/THINK]Yes.",
        "◁think▷hm◁/think▷Yes.",
        "<|begin_of_thought|>hm<|end_of_thought|><|begin_of_solution|>Yes.<|end_of_solution|>",
        "<unused94>thought hm<unused95>Yes.",
        "<think>hm</think><answer>Yes.</answer>",
        "hm\n</think>\n\nYes.",
        HARMONY,
        "<|channel|>analysis<|message|>hm<|end|>\n<|channel|>final<|message|>Yes.",
    ],
)
def test_reasoning_is_told_from_the_answer_in_every_spelling(text):
    assert split_reasoning(text) == Separated("Yes.", "hm")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("<think>a <think> b </think> c </think>Yes.", "Yes."),
        ("<think>I write <think> first</think>Yes.", "Yes."),
        ("<think>a</think>Yes.\n<think>b</think>\nNo.", "Yes.\n\nNo."),
        ("a</think>b</think>Yes.", "Yes."),
        ("<think></think>Yes.", "Yes."),
        ("<think>```py\nx = 1\n```</think>\nUse `<think>` tags.", "Use `<think>` tags."),
        ("<think>only</think>", ""),
    ],
)
def test_blocks_within_and_after_blocks_are_taken_out(text, answer):
    assert split_reasoning(text).answer == answer


@pytest.mark.parametrize(
    "text", ["<think>\nI wonder", "[THINK]hm", "<reasoning>hm", "<|channel|>analysis<|message|>hm", "◁think▷"]
)
def test_a_block_that_never_closes_is_open(text):
    assert split_reasoning(text).is_open


@pytest.mark.parametrize(
    "text",
    [
        "Yes.",
        "Models write `<think>` first.",
        "They use <think> and </think-like> tags in prose, as in <think> here.",
        "```xml\n<think>a</think>\n```",
        "An XML answer:\n<item><reasoning>a</reasoning></item>",
        "1 < 2 and [3]",
        "Use [THINK about it].",
        "",
    ],
)
def test_an_answer_about_tags_stays_as_it_is(text):
    assert split_reasoning(text) == Separated(text, None)


@pytest.mark.parametrize(
    "hostile",
    ["<think>", "</think>", "<think>a</think>\n", "x<think>", "`<think>`", "<think ", "< ", "[THINK]", "<|end|>"],
)
def test_a_megabyte_of_anything_takes_linear_time(hostile):
    text = (hostile * 10**6)[: 10**6]
    started = time.process_time()
    split_reasoning(text)
    assert time.process_time() - started < 5


@given(
    st.lists(
        st.sampled_from(
            ["<think>", "</think>", "[THINK]", "`", "```", "\n", " a ", "<|channel|>", "final", "<answer>"]
        ),
        max_size=12,
    )
)
def test_what_is_split_once_holds_no_tag_outside_code_at_the_start_of_a_line(parts):
    split = split_reasoning("".join(parts))
    assert split.is_open or not split.answer.startswith(("<think>", "[THINK]"))
