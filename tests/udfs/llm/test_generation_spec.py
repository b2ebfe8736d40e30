"""The request that asking makes: its id says what shaped it, its reservation is never exceeded."""

from dataclasses import replace
from decimal import Decimal

import pytest

from udfs.llm.generation_spec import GenerationSpec, build_request
from udfs.llm.models import Endpoint, Prices, Profile
from udfs.llm.prompts import AnswerPrompt, answer_messages

ENDPOINT = Endpoint(
    provider="p",
    model="m",
    base_url=None,
    api_key_env=None,
    prices=Prices(input_usd_per_mtok=Decimal(2), output_usd_per_mtok=Decimal(10)),
)
ASKING = GenerationSpec(endpoint=ENDPOINT, max_tokens=100, max_tokens_cap=200, temperature=0.7, attempts=3)
MESSAGES = answer_messages(AnswerPrompt(), system=None, history=(), instruction="Zwölf?")


def test_the_worst_case_of_every_attempt_is_reserved():
    request = build_request(ASKING, MESSAGES)

    # 4 bytes of the role and 7 of the text, 16 for the message and 16 for the request.
    assert request.prompt_tokens_bound == 4 + 7 + 16 + 16
    assert request.reserved_usd == 3 * (43 * Decimal(2) + 200 * Decimal(10)) / 1_000_000


def test_the_same_question_is_the_same_request():
    assert build_request(ASKING, MESSAGES) == build_request(ASKING, [dict(message) for message in MESSAGES])


@pytest.mark.parametrize(
    "change",
    [
        lambda: build_request(ASKING, MESSAGES, sample=1),
        lambda: build_request(ASKING, MESSAGES, ask=1),
        lambda: build_request(replace(ASKING, temperature=None), MESSAGES),
        lambda: build_request(replace(ASKING, max_tokens=101), MESSAGES),
        lambda: build_request(replace(ASKING, schema_json="{}"), MESSAGES),
        lambda: build_request(replace(ASKING, endpoint=replace(ENDPOINT, model="n")), MESSAGES),
        lambda: build_request(
            replace(ASKING, endpoint=replace(ENDPOINT, profile=Profile(extra_body=(("effort", '"low"'),)))), MESSAGES
        ),
    ],
    ids=["sample", "ask", "temperature", "max_tokens", "schema", "model", "extra_body"],
)
def test_whatever_shapes_the_answer_makes_another_request(change):
    assert change().request_id != build_request(ASKING, MESSAGES).request_id


def test_more_room_for_a_cut_answer_prices_or_attempts_buy_nothing_again():
    dearer = replace(ENDPOINT, prices=replace(ENDPOINT.prices, output_usd_per_mtok=Decimal(20)))
    changed = replace(ASKING, max_tokens_cap=400, attempts=5, endpoint=dearer)
    assert build_request(changed, MESSAGES).request_id == build_request(ASKING, MESSAGES).request_id
