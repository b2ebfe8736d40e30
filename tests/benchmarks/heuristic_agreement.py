"""How far the heuristic scorer agrees with people, beside two baselines that read nothing.

    python -m tests.benchmarks.heuristic_agreement --data ../shared/data

Choices: people preferred one of two answers; a scorer is right when it scores that one higher, half right when it
scores both the same. The baselines are the longer answer and a coin. Ratings: people rated single answers; printed is
Spearman's rank correlation. The last column, bias, is the rank correlation of the score with the length of the answer.
"""

import argparse
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from scipy.stats import spearmanr

from udfs.scoring.agreement import Agreement
from udfs.scoring.calibration import wilson
from udfs.scoring.heuristic import HeuristicScorer
from udfs.shingles import words

CHOICE_FILES = {
    "LLMBar Natural": "quality/LLMBar__Natural__dataset.json",
    "MT-Bench": "quality/Processed__MT-Bench__dataset.json",
    "FairEval": "quality/Processed__FairEval__dataset.json",
}
RATED_FILE = "sources/oasst/en-validation.jsonl"
SIBLINGS = "OpenAssistant siblings"

Measure = Callable[[str, str], float]
"""(instruction, response) -> a number; the higher is preferred."""


class Choice(NamedTuple):
    """Two answers to one prompt."""

    instruction: str
    better: str
    """The one that people prefer."""
    worse: str


class RatedAnswer(NamedTuple):
    """One answer and the mean of its human quality labels, 0.0 to 1.0."""

    instruction: str
    response: str
    quality: float


def heuristic(instruction: str, response: str) -> float:
    """The score in tenths."""
    return HeuristicScorer().score(instruction, response).quality_tenths


def length(_: str, response: str) -> float:
    """The number of tokens."""
    return len(words(response))


def read_choices(path: Path) -> list[Choice]:
    """Read a file of {input, output_1, output_2, label}; the label is "1" or "2"."""
    choices = []
    for record in json.loads(path.read_text("utf-8")):
        answers = record["output_1"], record["output_2"]
        better = int(record["label"]) - 1
        choices.append(Choice(record["input"], answers[better], answers[1 - better]))
    return choices


def read_ratings(path: Path) -> list[RatedAnswer]:
    """Read the answers of OpenAssistant message rows that carry the label `quality`."""
    messages = {row["message_id"]: row for row in map(json.loads, path.read_text("utf-8").splitlines())}
    return list(_rated(messages.values(), messages))


def _rated(replies: Iterable[dict[str, Any]], messages: dict[str, dict[str, Any]]) -> Iterator[RatedAnswer]:
    for reply in replies:
        labels = reply["labels"] or {"name": [], "value": []}
        quality = dict(zip(labels["name"], labels["value"], strict=True)).get("quality")
        prompt = messages.get(reply["parent_id"])
        if reply["role"] == "assistant" and quality is not None and prompt is not None:
            yield RatedAnswer(prompt["text"], reply["text"], quality)


def sibling_choices(answers: Sequence[RatedAnswer]) -> Iterator[Choice]:
    """The best and the worst rated answer to each prompt, where people rated them differently."""
    by_prompt: dict[str, list[RatedAnswer]] = {}
    for answer in answers:
        by_prompt.setdefault(answer.instruction, []).append(answer)
    for instruction, group in by_prompt.items():
        ranked = sorted(group, key=lambda answer: answer.quality)
        if ranked[-1].quality > ranked[0].quality:
            yield Choice(instruction, ranked[-1].response, ranked[0].response)


def successes(choices: Sequence[Choice], measure: Measure) -> tuple[float, int]:
    """Choices on which a measure agrees with people, ties as halves, and the number of ties."""
    gaps = [measure(c.instruction, c.better) - measure(c.instruction, c.worse) for c in choices]
    ties = sum(gap == 0 for gap in gaps)
    return sum(gap > 0 for gap in gaps) + ties / 2, ties


def agreement(name: str, choices: Sequence[Choice]) -> Agreement:
    """Compare the heuristic score, and the length alone, with the choices people made."""
    right, ties = successes(choices, heuristic)
    _, low, high = wilson(right, len(choices))
    longer = successes(choices, length)[0] / len(choices)
    return Agreement(
        name, len(choices), *(round(x, 3) for x in (right / len(choices), low, high)), ties, round(longer, 3)
    )


def all_choices(data: Path) -> dict[str, list[Choice]]:
    """Every set of choices by name."""
    sets = {name: read_choices(data / file) for name, file in CHOICE_FILES.items()}
    sets["these three"] = [choice for choices in sets.values() for choice in choices]
    sets[SIBLINGS] = list(sibling_choices(read_ratings(data / RATED_FILE)))
    return sets


def rank_correlation(texts: Sequence[tuple[str, str]], left: Measure, right: Sequence[float]) -> float:
    """Spearman's rho between a measure of texts and given values, ties given their mean rank."""
    return float(spearmanr([left(*text) for text in texts], right).statistic)


def length_bias(texts: Sequence[tuple[str, str]]) -> float:
    """Spearman's rho between the score and the length of the answer."""
    return rank_correlation(texts, heuristic, [length(*text) for text in texts])


def report(data: Path) -> Iterator[str]:
    """The lines of the whole report."""
    heads = f"{'heuristic':>11}  {'95 % interval':<16}{'ties':>6}{'longer':>8}{'coin':>7}{'bias':>8}"
    yield f"{'choices':<24}{'n':>6}{heads}"
    for name, choices in all_choices(data).items():
        row = agreement(name, choices)
        bias = length_bias([(c.instruction, text) for c in choices for text in (c.better, c.worse)])
        interval = f"[{row.low:.3f}, {row.high:.3f}]"
        yield (
            f"{name:<24}{row.choices:>6}{row.share:>11.3f}  {interval:<16}{row.ties:>6}{row.longer:>8.3f}"
            f"{0.5:>7.3f}{bias:>8.3f}"
        )
    answers = read_ratings(data / RATED_FILE)
    texts = [(answer.instruction, answer.response) for answer in answers]
    qualities = [answer.quality for answer in answers]
    score, longer = (rank_correlation(texts, measure, qualities) for measure in (heuristic, length))
    yield ""
    yield f"{'ratings':<24}{'n':>6}{'heuristic':>11}{'length':>10}{'bias':>8}"
    yield f"{'OpenAssistant quality':<24}{len(answers):>6}{score:>11.3f}{longer:>10.3f}{length_bias(texts):>8.3f}"


def main() -> None:
    """Print the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[3] / "shared" / "data")
    data = parser.parse_args().data
    if not data.is_dir():
        print(f"no data at {data}; name the folder with --data")
        return
    for line in report(data):
        print(line)


if __name__ == "__main__":
    main()
