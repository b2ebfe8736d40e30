"""What a call costs, to the last digit, and a bound that no answer exceeds."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from udfs.llm.cost import Usage, cost_of, parse_usage, prompt_tokens_bound, worst_case
from udfs.llm.models import Prices

GPT_4O = Prices(
    input_usd_per_mtok=Decimal("2.50"),
    output_usd_per_mtok=Decimal("10"),
    cached_input_usd_per_mtok=Decimal("1.25"),
    batch_discount=Decimal("0.5"),
)
counts = st.integers(0, 2_000_000)
usd = st.decimals(0, 1000, places=6)


def test_each_kind_of_token_has_its_price():
    usage = Usage(prompt_tokens=1_000_003, completion_tokens=7, cached_tokens=1_000_000)
    assert cost_of(usage, GPT_4O) == Decimal("1.2500775")
    assert cost_of(usage, GPT_4O, batch=True) == Decimal("0.62503875")


def test_cached_tokens_cost_what_others_cost_where_no_price_of_theirs_is_known():
    prices = Prices(input_usd_per_mtok=Decimal(3), output_usd_per_mtok=Decimal(0))
    assert cost_of(Usage(10, 0, 10), prices) == Decimal("0.00003")


@given(st.builds(Prices, input_usd_per_mtok=usd, output_usd_per_mtok=usd, cached_input_usd_per_mtok=st.none() | usd),
       counts, counts, st.data())  # fmt: skip
def test_no_answer_costs_more_than_the_worst_case(prices, bound, room, data):
    prompt = data.draw(st.integers(0, bound))
    usage = Usage(prompt, data.draw(st.integers(0, room)), data.draw(st.integers(0, prompt)))
    assert cost_of(usage, prices) <= worst_case(bound, room, prices)


@given(st.lists(st.tuples(counts, counts), max_size=50))
def test_a_sum_of_costs_is_the_cost_of_the_sum(usages):
    total = Usage(sum(prompt for prompt, _ in usages), sum(answer for _, answer in usages))
    assert sum((cost_of(Usage(*usage), GPT_4O) for usage in usages), Decimal(0)) == cost_of(total, GPT_4O)


@pytest.mark.parametrize(
    ("usage", "parsed"),
    [
        ({"prompt_tokens": 5, "completion_tokens": 3}, Usage(5, 3)),
        ({"prompt_tokens": 5, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}}, Usage(5, 3, 4)),
        ({"prompt_tokens": 5, "completion_tokens": 3, "prompt_tokens_details": None}, Usage(5, 3)),
        ({"prompt_tokens": 5, "completion_tokens": 3, "cached_tokens": 9}, Usage(5, 3, 5)),
        ({"prompt_tokens": 5}, None),
        ({"prompt_tokens": -5, "completion_tokens": 3}, None),
        ({"prompt_tokens": "5", "completion_tokens": 3}, None),
        ({"prompt_tokens": True, "completion_tokens": 3}, None),
        (None, None),
        ([], None),
    ],
)
def test_a_usage_that_makes_no_sense_is_none(usage, parsed):
    assert parse_usage(usage) == parsed


@given(st.lists(st.text(max_size=20), max_size=3))
def test_a_prompt_has_no_more_tokens_than_bytes(texts):
    messages = json.dumps([{"role": "user", "content": text} for text in texts])
    assert prompt_tokens_bound(messages) >= sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)


def test_content_parts_and_a_schema_count_too():
    parts = json.dumps([{"role": "user", "content": [{"type": "text", "text": "é" * 10}]}])
    assert prompt_tokens_bound(parts, "x" * 100) >= 120


@pytest.mark.parametrize(
    ("usage", "parsed"),
    [
        ({"prompt_tokens": 30, "completion_tokens": 60, "total_tokens": 5_490}, Usage(30, 5_460)),
        ({"prompt_tokens": 30, "completion_tokens": 60, "total_tokens": 80}, Usage(30, 60)),
        (
            {"prompt_tokens": 30, "completion_tokens": 60, "completion_tokens_details": {"reasoning_tokens": 40}},
            Usage(30, 60, 0, 40),
        ),
        (
            {"prompt_tokens": 30, "completion_tokens": 60, "completion_tokens_details": {"reasoning_tokens": 400}},
            Usage(30, 460, 0, 400),
        ),
        # Reasoning beside the completion: in the total, in no total, and in neither although there is one.
        (
            {"prompt_tokens": 30, "completion_tokens": 60, "total_tokens": 490, "reasoning_tokens": 400},
            Usage(30, 460, 0, 400),
        ),
        ({"prompt_tokens": 30, "completion_tokens": 60, "reasoning_tokens": 400}, Usage(30, 460, 0, 400)),
        (
            {"prompt_tokens": 30, "completion_tokens": 60, "total_tokens": 90, "reasoning_tokens": 400},
            Usage(30, 460, 0, 400),
        ),
        (
            {"prompt_tokens": 30, "completion_tokens": 60, "total_tokens": 90, "reasoning_tokens": 40},
            Usage(30, 60, 0, 40),
        ),
        (
            {"prompt_tokens": 30, "completion_tokens": 60, "completion_tokens_details": {"thinking_tokens": 400}},
            Usage(30, 460, 0, 400),
        ),
        ({"prompt_tokens": 30, "completion_tokens": 60, "thoughts_tokens": 400}, Usage(30, 460, 0, 400)),
        ({"input_tokens": 30, "output_tokens": 60, "cache_read_input_tokens": 9}, Usage(39, 60, 9)),
        ({"prompt_tokens": 30, "completion_tokens": 60, "total_tokens": 90.0}, None),
        ({"prompt_tokens": 30, "completion_tokens": 60, "total_tokens": 10**22}, None),
        ({"prompt_tokens": 0, "completion_tokens": 0}, None),
    ],
)
def test_output_is_the_larger_of_what_the_fields_say_and_reasoning_is_kept(usage, parsed):
    assert parse_usage(usage) == parsed
