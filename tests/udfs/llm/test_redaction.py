"""No eight characters of a key are ever stored or shown."""

import base64
import codecs
import json
import re
import unicodedata
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from udfs.llm.answers import Answer, read_answer
from udfs.llm.classify import status_failure
from udfs.llm.failures import Failure
from udfs.llm.redaction import Redactor

KEY = "sk-proj-Zq8_x7Rk2+Lw/9vT=c4NdYhB1mEoUa6Pj3SfGtHk5WiXyQrCsDl0VnMeKbAzJuFg"
WAYS = {
    "plain": lambda key: key,
    "upper": str.upper,
    "url": lambda key: quote(key, safe=""),
    "url, all of it": lambda key: "".join(f"%{ord(one):02x}" for one in key),
    "json": lambda key: json.dumps(key)[1:-1].replace("/", "\\/"),
    "json, all of it": lambda key: "".join(f"\\u{ord(one):04x}" for one in key),
    "html": lambda key: "".join(f"&#{ord(one)};" for one in key),
    "url, twice": lambda key: "".join(f"%25{ord(one):02x}" for one in key),
    "html within html": lambda key: "".join(f"&amp;#{ord(one)};" for one in key),
    "octal": lambda key: "".join(f"\\{ord(one):03o}" for one in key),
    "hex": lambda key: key.encode().hex(),
    "hex of a language": lambda key: ", ".join(f"0x{ord(one):02x}" for one in key),
    "numbers": lambda key: str(list(key.encode())),
    "numbers without commas": lambda key: " ".join(map(str, key.encode())),
    "list of characters": lambda key: str(list(key)),
    "base64": lambda key: base64.b64encode(key.encode()).decode(),
    "base64 of a header": lambda key: base64.b64encode(f"Bearer {key}".encode()).decode(),
    "base64 for urls": lambda key: base64.urlsafe_b64encode(f"x:{key}".encode()).decode().rstrip("="),
    "base32": lambda key: base64.b32encode(key.encode()).decode(),
    "base32 of a header": lambda key: base64.b32encode(f"Bearer {key}".encode()).decode().lower().rstrip("="),
    "base32 in hex": lambda key: base64.b32hexencode(key.encode()).decode(),
    "base64 in two bytes": lambda key: base64.b64encode(key.encode("utf-16-le")).decode(),
    "hex with dots": lambda key: key.encode().hex("."),
    "hex in two bytes": lambda key: key.encode("utf-16-le").hex(),
    "bits": lambda key: " ".join(f"{ord(one):08b}" for one in key),
    "bits without spaces": lambda key: "".join(f"{ord(one):08b}" for one in key),
    "numbers with dots": lambda key: ".".join(map(str, key.encode())),
    "backwards": lambda key: key[::-1],
    "base64 backwards": lambda key: base64.b64encode(key[::-1].encode()).decode(),
    "rot13": lambda key: codecs.encode(key, "rot13"),
    "dots": ".".join,
    "spaces": " ".join,
    "hyphens": "-".join,
    "stars": " * ".join,
    "two dots": "..".join,
    "json with spaces": lambda key: " ".join(f"\\u{ord(one):04x}" for one in key),
    "full width": lambda key: "".join(chr(ord(one) + 0xFEE0) for one in key),
    "lines": lambda key: "\n".join(key[at : at + 5] for at in range(0, len(key), 5)),
    "invisible": lambda key: "\u200b".join(key),
}


def shown_of(key: str, text: str) -> str:
    """The longest part of a key that a text shows, however it is written; decoding is what a reader would do."""
    texts = [text, text.lower(), *("".join(text.split()),)]
    for _ in range(2):
        texts += [json.loads(f'"{text}"')] if _is_json(text) else []
    return max(
        (key[at : at + 8] for at in range(len(key) - 7) for one in texts if key[at : at + 8] in one),
        default="",
        key=len,
    )


def _is_json(text: str) -> bool:
    try:
        json.loads(f'"{text}"')
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("before", [0, 1, 190, 250, 283, 299, 3_000])
def test_a_key_is_blotted_out_wherever_it_stands_and_before_anything_is_cut(way, before):
    told = WAYS[way](KEY)
    found = status_failure(401, {"error": {"message": "x" * before + " " + told + " is no key"}}, {}, Redactor([KEY]))
    for at in range(len(KEY) - 7):
        assert WAYS[way](KEY[at : at + 8]) not in found.message
    assert told[20:28] not in found.message


@given(st.data())
def test_no_eight_characters_of_any_part_of_a_key_are_left(data):
    start = data.draw(st.integers(0, len(KEY) - 8))
    part = KEY[start : data.draw(st.integers(start + 8, len(KEY)))]
    way = data.draw(st.sampled_from(sorted(WAYS)))
    around = st.text(max_size=40)
    text = data.draw(around) + WAYS[way](part) + data.draw(around)
    assert shown_of(KEY, Redactor([KEY])(text)) == ""


@pytest.mark.parametrize("mark", ["%", "\\u00", "\\x", "&#x", "%25"])
@pytest.mark.parametrize("way", ["as it is", "rot13", "backwards"])
def test_a_mark_before_a_key_hides_no_part_of_it(mark, way):
    key = "4C6f3e5dZq8Xx7Rk2Lw9"
    told = WAYS[way](key) if way in WAYS else key
    for at in range(len(key) - 7):
        shown = Redactor([key])(f"no {mark}{told[at : at + 8]}")
        assert shown.startswith(f"no {mark[0]}") and shown.endswith("[key]"), shown


@given(st.text(max_size=200))
def test_a_text_without_a_key_stays_as_it_is(text):
    assert Redactor(["sk-proj-Zq8Xx7Rk2Lw9vTc4NdYh"])(text) == text


MARKED = ("backwards", "rot13", "dots", "spaces", "hyphens", "stars", "two dots", "full width")
UNDONE = (
    lambda text: text[::-1],
    lambda text: codecs.encode(text, "rot13"),
    lambda text: re.sub(r"[\s.*-]", "", text),
    lambda text: re.sub(r"(.)[.\s-]", r"\1", text),
    lambda text: text.replace("..", ""),
    lambda text: unicodedata.normalize("NFKC", text),
)
"""How a reader finds what is written backwards and so on."""


@given(st.data())
def test_no_eight_characters_are_left_for_who_takes_the_marks_away(data):
    start = data.draw(st.integers(0, len(KEY) - 8))
    part = KEY[start : data.draw(st.integers(start + 8, len(KEY)))]
    way = data.draw(st.sampled_from(MARKED))
    around = st.text(st.characters(codec="ascii"), max_size=40)
    shown = Redactor([KEY])(data.draw(around) + WAYS[way](part) + data.draw(around))
    for undo in UNDONE:
        assert shown_of(KEY, undo(shown)) == ""
        assert shown_of(re.sub("[^0-9A-Za-z]", "", KEY), re.sub("[^0-9A-Za-z]", "", shown)) == ""


@pytest.mark.parametrize("way", ["base32", "base32 of a header", "base32 in hex", "bits", "hex with dots"])
@given(st.data())
def test_what_is_left_of_an_encoded_part_says_nothing(way, data):
    start = data.draw(st.integers(0, len(KEY) - 8))
    part = KEY[start : data.draw(st.integers(start + 8, len(KEY)))]
    assert WAYS[way](part) not in Redactor([KEY])(f"no key: {WAYS[way](part)}.")


@pytest.mark.parametrize("key", ["x", "EMPTY", "ollama", "lm-studio", "sk-no-key-required", "not-needed"])
def test_a_key_of_words_stays_in_an_answer_and_not_in_an_error(key):
    said = f"Solve for x: {key} is required here."
    body = {"model": f"{key}/m", "choices": [{"message": {"content": said}, "finish_reason": "stop"}]}
    answer = read_answer(json.dumps(body).encode(), Redactor([key]))
    assert isinstance(answer, Answer)
    assert (answer.text, answer.served_model) == (said, f"{key}/m")
    failure = status_failure(401, {"error": {"message": f"{key} is no key"}}, {}, Redactor([key]))
    assert key not in failure.message


def test_a_short_key_is_blotted_out_as_a_word_and_breaks_no_other():
    redact = Redactor(["x"])
    assert redact("exceeded x, fix") == "exceeded [key], fix"


def test_a_key_with_quotes_is_found_too():
    assert "secret" not in Redactor(['my,"secret",word'])('it was my,"secret",word there')


def test_an_empty_key_blots_nothing_out():
    assert Redactor(["", " "])("as it is") == "as it is"


def test_neither_an_answer_nor_its_words_show_a_key():
    body = {
        "model": f"m-{KEY}",
        "choices": [{"message": {"content": f"Your key is {KEY}.", "reasoning": KEY}, "finish_reason": f"x{KEY}"}],
    }
    answer = read_answer(json.dumps(body).encode(), Redactor([KEY]))
    assert isinstance(answer, Answer)
    assert KEY[:8] not in repr(answer)


@pytest.mark.parametrize(
    "body", [f"<html>{KEY}".encode(), json.dumps({"foo": KEY}).encode(), f'data: {{"{KEY}'.encode()]
)
def test_a_body_that_cannot_be_read_does_not_show_it_either(body):
    failure = read_answer(body, Redactor([KEY]))
    assert isinstance(failure, Failure)
    assert KEY[:8] not in failure.message
