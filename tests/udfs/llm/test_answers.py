"""What a provider's reply is taken for."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from udfs.llm.answers import Answer, answer_of, read_answer
from udfs.llm.cost import Usage
from udfs.llm.failures import Failure


def body(message: dict | None = None, finish: str | None = "stop", **fields) -> bytes:
    message = {"role": "assistant", "content": "Yes.", **(message or {})}
    content = {"model": "m-1", "choices": [{"message": message, "finish_reason": finish}], **fields}
    return json.dumps(content).encode()


@pytest.mark.parametrize(
    ("reply", "status", "text"),
    [
        (body(), "answered", "Yes."),
        (body(finish=None), "not_whole", "Yes."),
        (body(finish="length"), "truncated", "Yes."),
        (body(finish="content_filter"), "content_filtered", "Yes."),
        (body({"content": None, "refusal": "No."}), "refused", "No."),
        (body({"content": ""}), "empty", None),
        (body({"content": None}), "empty", None),
        (body({"content": " \n"}), "empty", " \n"),
        (body({"content": "", "reasoning": "hm"}, "length"), "truncated", None),
        (body({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}), "answered", "ab"),
        (body({"content": "half \ud83d of it"}), "answered", "half \ufffd of it"),
    ],
)
def test_an_answer_has_a_status_and_only_a_whole_one_is_answered(reply, status, text):
    answer = read_answer(reply)
    assert isinstance(answer, Answer)
    assert (answer.status, answer.text, answer.served_model) == (status, text, "m-1")


def test_usage_is_what_the_provider_says_or_nothing():
    said = read_answer(body(usage={"prompt_tokens": 3, "completion_tokens": 2}))
    assert isinstance(said, Answer)
    assert said.usage == Usage(3, 2)
    silent = read_answer(body(usage=None))
    assert isinstance(silent, Answer)
    assert silent.usage is None


@pytest.mark.parametrize(
    "reply", [b"", b"<html>", b"[]", b"null", b'{"choices": [{}]}', b'{"answer": "Yes."}', body()[:40]]
)
def test_a_reply_that_is_no_completion_may_have_been_billed_and_is_tried_again(reply):
    failure = read_answer(reply)
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.billed) == ("unreadable", True)


# What stands in a reply of HTTP 200 beside or in place of its choices -> the kind, and whether it is billed.
ERRORS = {
    "alone": ({"error": {"code": 429, "message": "slow down"}}, "rate_limited", False),
    "choices empty": ({"choices": [], "error": {"code": 402, "message": "Insufficient credits"}}, "billing", False),
    "choices null": (
        {"choices": None, "error": {"code": 429, "message": "Worker local total request limit reached"}},
        "rate_limited",
        False,
    ),
    "beside a whole answer": (
        {"error": {"code": 500, "message": "lost"}, "usage": {"prompt_tokens": 9, "completion_tokens": 3}},
        "broken_off",
        True,
    ),
    "as a text": ({"choices": [], "error": "overloaded"}, "transient", False),
    "in a shape of its own": ({"choices": None, "message": "credit balance is too low", "code": "x"}, "billing", False),
    "minimax": (
        {"choices": None, "base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}},
        "billing",
        False,
    ),
    "blocked": ({"choices": None, "promptFeedback": {"blockReason": "SAFETY"}}, "filtered", False),
    "nothing": ({"choices": []}, "no_answer", False),
    "nothing, with a usage": (
        {"choices": None, "usage": {"prompt_tokens": 9, "completion_tokens": 1}},
        "no_answer",
        True,
    ),
}


@pytest.mark.parametrize(("fields", "kind", "billed"), ERRORS.values(), ids=ERRORS)
def test_an_error_in_a_reply_of_status_200_wins_wherever_it_stands(fields, kind, billed):
    beside = json.loads(body()) if kind == "broken_off" else {"id": "c"}
    failure = read_answer(json.dumps({**beside, **fields}).encode())
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.billed) == (kind, billed)


@pytest.mark.parametrize("place", ["choice", "message"])
def test_an_error_inside_a_choice_wins(place):
    content = json.loads(body({"content": ""}, "error"))
    inside = content["choices"][0] if place == "choice" else content["choices"][0]["message"]
    inside["error"] = {"code": 400, "message": "prompt is too long: 1284668 tokens > 1000000 maximum"}
    failure = read_answer(json.dumps(content).encode())
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.billed) == ("too_large", False)


@pytest.mark.parametrize(
    "error", [None, {}, "", [], {"code": 0, "message": "success"}, {"code": None, "message": None}]
)
def test_what_says_that_all_is_well_is_no_error(error):
    assert isinstance(read_answer(body(error=error)), Answer)


@pytest.mark.parametrize(
    ("finish", "status"),
    [
        *(
            (word, "answered")
            for word in (
                "stop",
                "STOP",
                "end_turn",
                "eos",
                "eos_token",
                "eos_found",
                "stop_words",
                "stop_sequence",
                "COMPLETE",
                "FinishReason.STOP",
            )
        ),
        *(
            (word, "truncated")
            for word in (
                "length",
                "max_tokens",
                "MAX_TOKENS",
                "model_length",
                "model_context_window_exceeded",
                "FINISH_REASON_MAX_TOKENS",
                "incomplete",
                "maxPredictedTokensReached",
                "contextLengthReached",
                "max_tokens_exceeded",
            )
        ),
        *(
            (word, "content_filtered")
            for word in (
                "content_filter",
                "SAFETY",
                "RECITATION",
                "PROHIBITED_CONTENT",
                "sensitive",
                "blocklist",
                "SPII",
                "guardrail_intervened",
                "censored",
                "risk_control",
            )
        ),
        *(
            (word, "not_whole")
            for word in ("tool_calls", "function_call", "OTHER", "nonsense", "", None, 7, {"a": 1}, "OTHER\0")
        ),
        ("refusal", "refused"),
        ("declined", "refused"),
    ],
)
def test_only_a_word_of_a_closed_list_makes_an_answer_whole(finish, status):
    answer = read_answer(body(finish=finish))
    assert isinstance(answer, Answer)
    assert answer.status == status


@pytest.mark.parametrize(
    "finish", ["error", "abort", "insufficient_system_resource", "network_error", "cancelled", "timeout", "ERROR"]
)
def test_an_answer_that_broke_off_is_asked_again_and_billed_by_its_usage(finish):
    failure = read_answer(body(finish=finish, usage={"prompt_tokens": 30, "completion_tokens": 60}))
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.billed, failure.usage) == ("broken_off", True, Usage(30, 60))
    assert finish in failure.message


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("a\0b\r\nc", "ab\nc"),
        ("\ufeffhello", "hello"),
        ("\u200b\u200d\ufeff \n", None),
        ("\u3164\u2800", None),
        ([{"type": "text", "text": float("nan")}], None),
        ([{"type": "text", "text": None}, {"type": "text", "text": {"a": 1}}], None),
        ([{"type": "text", "text": "see"}, {"type": "image_url", "image_url": {"url": "x"}}], None),
        (["a", "b"], "ab"),
        ({"type": "text", "text": "one"}, "one"),
        (
            [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "Yes."}],
            "Yes.",
        ),
        (float("nan"), None),
        (True, None),
        (7, None),
    ],
)
def test_an_answer_is_a_clean_text_or_none(content, text):
    answer = read_answer(body({"content": content}))
    assert isinstance(answer, Answer)
    assert answer.status == ("empty" if text is None else "answered")
    assert text is None or answer.text == text


@pytest.mark.parametrize(
    ("message", "text", "reasoning"),
    [
        ({"content": "<think>\nhm\n</think>\n\nYes."}, "Yes.", "hm"),
        ({"content": "Yes.", "reasoning_content": "hm", "reasoning": "hm"}, "Yes.", "hm"),
        ({"content": "Yes.", "reasoning": "hm"}, "Yes.", "hm"),
        ({"content": "Yes.", "reasoning": {"a": 1}}, "Yes.", None),
    ],
)
def test_reasoning_is_kept_apart(message, text, reasoning):
    answer = read_answer(body(message))
    assert isinstance(answer, Answer)
    assert (answer.status, answer.text, answer.reasoning) == ("answered", text, reasoning)


def test_reasoning_that_never_closes_has_used_up_the_answers_room():
    answer = read_answer(body({"content": "<think>\nI wonder how long"}))
    assert isinstance(answer, Answer)
    assert (answer.status, answer.text) == ("truncated", None)


def test_reasoning_alone_is_no_answer():
    answer = read_answer(body({"content": None, "reasoning_content": "The moon pulls."}))
    assert isinstance(answer, Answer)
    assert (answer.status, answer.text) == ("empty", None)


def events(*chunks: object) -> bytes:
    return "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks).encode()


def chunk(content: str | None = None, finish: str | None = None, **fields) -> dict:
    return {"model": "m-1", "choices": [{"index": 0, "delta": {"content": content}, "finish_reason": finish}], **fields}


def test_a_stream_of_events_is_put_together():
    usage = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}
    answer = read_answer(
        b": PROCESSING\n\n" + events(chunk("Ye"), chunk("s."), chunk(finish="stop"), usage) + b"data: [DONE]\n\n"
    )
    assert isinstance(answer, Answer)
    assert (answer.status, answer.text, answer.usage) == ("answered", "Yes.", Usage(3, 2))


HEARD = (chunk("Ye"), chunk("s."), chunk(finish="stop"))
STREAMS = {
    "no empty lines": b"".join(f"data: {json.dumps(one)}\n".encode() for one in HEARD),
    "carriage returns": events(*HEARD).replace(b"\n", b"\r"),
    "data in several lines": b"data: " + json.dumps(HEARD[0], indent=1).replace("\n", "\ndata: ").encode() + b"\n\n"
    b"" + events(*HEARD[1:]),
    "done in other words": events(*HEARD) + b"data: [done]\n\n",
    "done as a text": events(*HEARD, "[DONE]"),
    "numbers as texts": events({"choices": [{"index": "0", "delta": {"content": "Yes."}, "finish_reason": "stop"}]}),
    "all of it once more": events(*HEARD[:2], {"choices": [{"message": {"content": "Yes."}, "finish_reason": "stop"}]}),
    "thoughts as parts, then a text": events(
        {"choices": [{"delta": {"content": [{"type": "thinking", "thinking": "Hm."}]}}]}, *HEARD
    ),
    "parts alone": events(
        *({"choices": [{"delta": {"content": [{"type": "text", "text": one}]}}]} for one in ("Ye", "s.")), HEARD[2]
    ),
    "lines of JSON": b"\n".join(json.dumps(one).encode() for one in HEARD) + b"\n[DONE]\n",
    "a list": json.dumps(HEARD).encode(),
    "comments before a body": b": PROCESSING\n\n" + json.dumps(
        {"choices": [{"message": {"content": "Yes."}, "finish_reason": "stop"}]}, indent=1
    ).encode(),
}  # fmt: skip


@pytest.mark.parametrize("way", STREAMS)
def test_a_stream_is_put_together_however_it_is_cut(way):
    answer = read_answer(STREAMS[way])
    assert isinstance(answer, Answer)
    assert (answer.status, answer.text) == ("answered", "Yes.")


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\x85", "\x0b", "\x1c"])
def test_what_looks_like_a_line_break_breaks_no_event(mark):
    told = (
        json.dumps(chunk(f"Ye{mark}s.", "stop"), ensure_ascii=False).replace("\\u000b", mark).replace("\\u001c", mark)
    )
    for body in (f"data: {told}\n\n", f": wait\n\n{told.replace('delta', 'message')}"):
        answer = read_answer(body.encode())
        if mark < " ":  # no JSON may hold these
            assert isinstance(answer, Failure)
        else:
            assert isinstance(answer, Answer)
            assert answer.text == f"Ye{mark}s."


def test_lines_of_whole_completions_are_no_stream():
    whole = json.dumps({"choices": [{"message": {"content": "Yes."}, "finish_reason": "stop"}]})
    failure = read_answer(f"{whole}\n{whole}".encode())
    assert isinstance(failure, Failure)
    assert failure.kind == "unreadable"


@pytest.mark.parametrize("wrap", [lambda text: text.encode("utf-16"), lambda text: text.encode("utf-32-le"),
                                  lambda text: text.encode() + b"\0\0"])  # fmt: skip
def test_a_body_is_read_in_any_encoding_of_unicode(wrap):
    answer = read_answer(wrap('{"choices": [{"message": {"content": "Yes."}, "finish_reason": "stop"}]}'))
    assert isinstance(answer, Answer)
    assert answer.text == "Yes."


@pytest.mark.parametrize(
    "mark",
    [
        "<|im_start|>assistant\n",
        "<start_of_turn>model\n",
        "<|start_header_id|>assistant<|end_header_id|>\n\n",
        "<|assistant|>",
        "[/INST] ",
    ],
)
def test_what_a_template_puts_before_an_answer_is_no_part_of_it(mark):
    answer = read_answer(body({"content": f"{mark}Yes, [/INST] ends a prompt."}))
    assert isinstance(answer, Answer)
    assert answer.text == "Yes, [/INST] ends a prompt."


@pytest.mark.parametrize(
    "word", ["cancelled by user", "client_disconnect", "OUT_OF_MEMORY", "worker_died", "preempted_by"]
)
def test_an_answer_that_something_ended_is_asked_again(word):
    failure = read_answer(body({"content": "Ye"}, word))
    assert isinstance(failure, Failure)
    assert failure.kind == "broken_off"


def test_a_stream_that_breaks_off_is_no_whole_answer():
    answer = read_answer(events(chunk("Ye")))
    assert isinstance(answer, Answer)
    assert answer.status == "not_whole"
    failure = read_answer(events(chunk("Ye"), {"error": {"code": 502, "message": "went away"}}))
    assert isinstance(failure, Failure)
    assert failure.kind == "broken_off"


@pytest.mark.parametrize(
    "reply",
    [
        b'{"choices": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        b'{"usage": {"prompt_tokens": ' + b"9" * 5_000 + b"}}",
        b'data: {"choices": 7}\n\ndata: nonsense',
        b'{"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}], "usage": [1]}',
        b'{"choices": [7]}',
        b'{"choices": {"a": 1}}',
        b"\xff\xfe\x00",
        json.dumps({"choices": [{"message": {"content": "x" * 3_000_000}, "finish_reason": "stop"}]}).encode(),
    ],
)
def test_no_body_breaks_its_reader(reply):
    assert isinstance(read_answer(reply), Answer | Failure)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "choices",
                        "message",
                        "content",
                        "error",
                        "usage",
                        "finish_reason",
                        "code",
                        "text",
                        "prompt_tokens",
                        "completion_tokens",
                        "total_tokens",
                        "model",
                        "refusal",
                        "type",
                        "detail",
                        "base_resp",
                    ]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=20,
    )
)
def test_whatever_json_comes_is_an_answer_or_a_failure(content):
    found = answer_of(content)
    assert isinstance(found, Answer | Failure)
    assert found != Failure("odd_answer", "x") and getattr(found, "kind", "") != "odd_answer"


# What HTTP 200 was seen to hold, and shapes of the same kinds; `billed` is of failures.
SHAPES = [json.loads(line) for line in (Path(__file__).parent / "reply_shapes.jsonl").read_text("utf-8").splitlines()]


@pytest.mark.parametrize("case", SHAPES, ids=[case["case"] for case in SHAPES])
def test_a_reply_of_any_shape_says_how_it_ended_and_whether_it_was_billed(case):
    body = case["body"] if isinstance(case["body"], str) else json.dumps(case["body"])
    found = read_answer(body.encode())

    assert (found.status if isinstance(found, Answer) else found.kind) == case["ends"]
    assert getattr(found, "billed", None) == case["billed"]


def test_what_stands_beside_no_answer_is_its_bill():
    beside = {"usage": {"prompt_tokens": 30, "completion_tokens": 3}}

    for choices in ([{"finish_reason": "stop"}], [], None):
        found = read_answer(json.dumps({"choices": choices, **beside}).encode())
        assert isinstance(found, Failure) and found.usage == Usage(30, 3), choices


@pytest.mark.parametrize("finish", ["stop_error", "eos_error", "FinishException", "userStopped", "modelUnloaded"])
def test_an_error_is_no_end_whatever_word_it_is_joined_to(finish):
    failure = read_answer(body(finish=finish))
    assert isinstance(failure, Failure)
    assert failure.kind == "broken_off"


@pytest.mark.parametrize(
    ("said", "native", "status", "word"),
    [
        ("stop", "MAX_TOKENS", "truncated", "MAX_TOKENS"),
        ("stop", "SAFETY", "content_filtered", "SAFETY"),
        (None, "STOP", "answered", "STOP"),
        ("stop", "a word of its own", "answered", "stop"),
        ("length", "STOP", "truncated", "length"),
        ("stop", None, "answered", "stop"),
    ],
)
def test_the_providers_own_word_counts_where_a_router_calls_the_answer_whole(said, native, status, word):
    choice = {"message": {"content": "Yes."}, "finish_reason": said, "native_finish_reason": native}
    answer = answer_of({"choices": [choice]})
    assert isinstance(answer, Answer)
    assert (answer.status, answer.finish_reason) == (status, word)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("Paris.<|im_end|>", "Paris."),
        ("Paris.</s>", "Paris."),
        ("Paris.<|eot_id|>\n", "Paris."),
        ("Paris.<end_of_turn><eos>", "Paris.<end_of_turn><eos>"),
        ("It is `<|im_end|>`", "It is `<|im_end|>`"),
        ("<s>old</s>", "<s>old</s>"),
        ("Paris.<|im_end|>\n<|im_start|>user\nAnd?", "Paris.<|im_end|>\n<|im_start|>user\nAnd?"),
    ],
)
def test_a_mark_of_a_template_that_ends_an_answer_is_no_part_of_it(content, text):
    answer = read_answer(body({"content": content}))
    assert isinstance(answer, Answer)
    assert answer.text == text


@pytest.mark.parametrize(
    "content",
    [
        {"model": "m", "message": {"role": "assistant", "content": "Yes."}, "done": True},
        {"code": 0, "msg": "ok", "data": {"choices": []}},
    ],
)
def test_an_answer_in_the_shape_of_another_api_is_no_error_of_the_provider(content):
    failure = answer_of(content)
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.billed) == ("unreadable", True)


def test_usage_is_found_where_streams_put_it():
    used = {"prompt_tokens": 3, "completion_tokens": 2}
    choice = {"message": {"content": "Yes."}, "finish_reason": "stop"}
    for content in ({"choices": [{**choice, "usage": used}]}, {"choices": [choice], "x_groq": {"usage": used}}):
        answer = answer_of(content)
        assert isinstance(answer, Answer)
        assert answer.usage == Usage(3, 2)


def test_comments_that_keep_a_connection_open_are_passed_over():
    answer = read_answer(b": PROCESSING\n\n: PROCESSING\n\n" + body())
    assert isinstance(answer, Answer)
    assert answer.status == "answered"
