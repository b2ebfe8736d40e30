"""Cheap features of a pair, from which a model learns a judge's scores: lengths, structure, overlap, findings, words.

They see the form of a text and which words it uses. They do not see whether it is true, whether its code runs, or
whether it does what was asked: of two answers of one form they cannot tell the right one.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

import xxhash

from udfs.scoring.heuristic import find_all
from udfs.scoring.pair_text import PairText, read_pair

WORD_BUCKETS = 64
"""Words are counted by the hash of their text; two of one bucket are one to the model."""

_MOST_WORDS = 4_000
_PROMPT_STARTS = 2
"""Words at the beginning of a prompt that say what kind of answer it wants: "write a", "what is"."""
_PROMPT_BUCKETS = 16


def features_of(instruction: str, response: str, system: str | None = None) -> list[float]:
    """The features of a pair, in the order of `FEATURES`. Pure and finite for any texts, and none raises."""
    pair = read_pair(instruction, response, system)
    return [*_named(pair).values(), *_hashed(pair.tokens[:_MOST_WORDS], WORD_BUCKETS), *_starts(pair)]


def _named(pair: PairText) -> dict[str, float]:
    response, tokens, asked = pair.response, pair.tokens[:_MOST_WORDS], pair.prompt_tokens
    mine, yours = set(tokens), set(asked)
    shared = len(mine & yours)
    letters = sum(map(str.isalpha, response))
    sentence_words = [pair.words(sentence) for sentence in pair.sentences]
    lines = response.split("\n")
    return {
        "response_words": math.log1p(len(pair.tokens)),
        "prompt_words": math.log1p(len(asked)),
        "longer_than_prompt": math.log1p(len(pair.tokens)) - math.log1p(len(asked)),
        "word_length": _mean(list(map(len, tokens))),
        "distinct_words": len(mine) / (len(tokens) or 1),
        "repeated_pairs": _repeated(list(pairwise(tokens))),
        "long_words": sum(len(word) > 6 for word in tokens) / (len(tokens) or 1),
        "sentences": math.log1p(len(sentence_words)),
        "sentence_words": math.log1p(_mean(sentence_words)),
        "paragraphs": math.log1p(response.count("\n\n")),
        "lines": math.log1p(len(lines)),
        "list_items": math.log1p(pair.list_items),
        "headings": math.log1p(sum(line.startswith("#") for line in lines)),
        "has_fence": float(pair.has_fence),
        "code_lines": pair.code_lines / (len(pair.lines) or 1),
        "digits": sum(map(str.isdigit, response)) / (len(response) or 1),
        "letters": letters / (len(response) or 1),
        "capitals": sum(map(str.isupper, response)) / (letters or 1),
        "not_ascii": 0.0 if response.isascii() else sum(ord(one) > 127 for one in response) / len(response),
        "emphasis": math.log1p(response.count("**")),
        "exclamations": math.log1p(response.count("!")),
        "questions": math.log1p(response.count("?")),
        "commas": response.count(",") / (len(tokens) or 1),
        "links": math.log1p(response.count("://")),
        "begins_upper": float(response.lstrip()[:1].isupper()),
        "ends_with_stop": float(response.rstrip()[-1:] in {".", "!", "?", "。", "！", "？", "`", ")", '"', "”"}),
        "ends_with_question": float(response.rstrip()[-1:] in {"?", "？"}),
        "prompt_words_used": shared / (len(yours) or 1),
        "words_of_prompt": shared / (len(mine) or 1),
        "first_person": sum(word in {"i", "my", "me"} for word in tokens) / (len(tokens) or 1),
        "prompt_is_question": float(pair.instruction.rstrip()[-1:] in {"?", "？"}),
        "prompt_lines": math.log1p(pair.instruction.count("\n")),
        "has_system": float(bool(pair.subject.system)),
        **_findings(pair),
    }


def _findings(pair: PairText) -> dict[str, float]:
    found = find_all(pair)
    counts = {f"{name}_remarks": float(sum(not one.decides for one in of)) for name, of in found.items()}
    return {"fails": float(any(one.decides for of in found.values() for one in of)), **counts}


def _hashed(words: Sequence[str], buckets: int) -> list[float]:
    """Logarithms of counts, scaled to length 1, so that a long text weighs no more than a short one."""
    row = [0.0] * buckets
    for word, count in Counter(words).items():
        row[_bucket(word, buckets)] += count
    row = [math.log1p(count) for count in row]
    length = math.sqrt(sum(value * value for value in row)) or 1.0
    return [value / length for value in row]


def _starts(pair: PairText) -> list[float]:
    row = [0.0] * _PROMPT_BUCKETS
    for place, word in enumerate(pair.prompt_tokens[:_PROMPT_STARTS]):
        row[_bucket(f"{place} {word}", _PROMPT_BUCKETS)] = 1.0
    return row


def _bucket(word: str, buckets: int) -> int:
    return xxhash.xxh3_64_intdigest(word.encode("utf-8", "surrogatepass")) % buckets


def _mean(values: Sequence[int]) -> float:
    return sum(values) / len(values) if values else 0.0


def _repeated(items: Sequence[object]) -> float:
    return 1 - len(set(items)) / len(items) if items else 0.0


def findings_of(features: Sequence[float]) -> str:
    """What the rules said, as the features have it: `fails`, `remarked` or `clean`."""
    said: Mapping[str, float] = dict(zip(_FINDINGS, features[_FIRST_FINDING:], strict=False))
    if said["fails"]:
        return "fails"
    return "remarked" if any(said.values()) else "clean"


_EMPTY = read_pair("", "")
FEATURES: tuple[str, ...] = (
    *_named(_EMPTY),
    *(f"word_{number}" for number in range(WORD_BUCKETS)),
    *(f"prompt_start_{number}" for number in range(_PROMPT_BUCKETS)),
)
"""Names of the features, in their order."""
_FINDINGS = tuple(_findings(_EMPTY))
_FIRST_FINDING = FEATURES.index(_FINDINGS[0])
