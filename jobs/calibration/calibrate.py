"""Compare a scorer with what people say of answers, and a judge with itself; what is found is kept and shown."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from jobs.calibration.figures import SELF_CONSISTENCY, Row, Scores, Text, compare_with_labels, consistency_row, texts_of
from jobs.calibration.labels import Labels, read_labels
from jobs.calibration.scorers import draw, judge_scores, predicted_scores, rule_scores
from jobs.calibration.stored import record
from jobs.config.settings import Settings
from jobs.config.teachers import ScorerConfig
from jobs.rendering.terminal import say
from jobs.workspace.runtime import Runtime
from schemas.errors import ConfigError
from udfs.scoring.calibration import calibration_sentence
from udfs.scoring.heuristic import HEURISTIC


@dataclass(frozen=True)
class Wanted:
    """What is to be compared."""

    labels: tuple[Labels, ...]
    texts: tuple[Text, ...]
    """All that must be scored, once."""
    repeated: tuple[Text, ...] = ()
    """Those that a judge is asked about again."""
    asks: int = 1

    @property
    def calls(self) -> int:
        """Requests to a judge, those included that are answered already."""
        return len(self.texts) + len(self.repeated) * (self.asks - 1)


def settings_for(settings: Settings, scorer: str | None) -> Settings:
    """The configuration with the scorer that is asked for.

    Raises:
        ConfigError: a judge is asked for and the configuration names none, or predictions that it does not make.
    """
    if scorer is None or scorer == settings.score.kind:
        return settings
    if scorer == HEURISTIC:
        return settings.model_copy(update={"score": ScorerConfig()})
    if settings.score.asks_judge:  # the same judge, all of it or what was learnt of it
        return settings.model_copy(update={"score": settings.score.model_copy(update={"kind": scorer})})
    raise ConfigError(
        f"score.kind is {settings.score.kind}, so there is no {scorer} to calibrate: "
        f"--set score.kind={scorer} --set score.provider=NAME --set score.model=NAME"
    )


def read_wanted(files: Sequence[Path], settings: Settings, limit: int | None, sample: int, asks: int) -> Wanted:
    """Read the labels and say what is to be scored.

    Args:
        files: of labels.
        settings: of the scorer; rules give the same twice, so only a judge is asked again.
        limit: labels taken of each file; null: all.
        sample: texts that a judge is asked about again.
        asks: times that it is asked about them.

    Raises:
        ConfigError: a file is not there or holds no labels; two have one name.
    """
    found = [_limited(read_labels(file), limit) for file in files]
    names = [one.name for one in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError(f"labels are stored by the name of their file; rename one of {', '.join(twice)}")
    texts = list(dict.fromkeys(text for labels in found for text in texts_of(labels)))
    asked_again = settings.score.kind == "judge" and asks > 1
    return Wanted(tuple(found), tuple(texts), tuple(draw(texts, sample)) if asked_again else (), asks)


def _limited(labels: Labels, limit: int | None) -> Labels:
    """The first labels of a file in the order of their texts' hashes, which favours nothing."""
    if limit is None:
        return labels
    choices = {Text(one.instruction, one.better, one.system): one for one in labels.choices}
    grades = {Text(one.instruction, one.response, one.system): one for one in labels.grades}
    return labels._replace(
        choices=tuple(choices[text] for text in draw(choices, limit)),
        grades=tuple(grades[text] for text in draw(grades, limit)),
    )


def run_calibration(runtime: Runtime, settings: Settings, wanted: Wanted) -> tuple[list[Row], tuple[str, ...]]:
    """Score, compare and record.

    Args:
        runtime: the run; a judge's calls need its workspace's lease.
        settings: of the scorer.
        wanted: as planned.

    Returns:
        The rows added to `calibrations`, and warnings.

    Raises:
        StoppedError: budget, provider or Ctrl-C; what was judged is kept, and the same command goes on from there.
    """
    threshold = settings.select.min_score_tenths
    warnings: tuple[str, ...] = ()
    scores: Scores
    if settings.score.kind == HEURISTIC:
        scores = rule_scores(wanted.texts, settings)
    elif settings.score.kind == "distilled":
        scores = predicted_scores(runtime, wanted.texts)
    else:
        scores, warnings = judge_scores(runtime, wanted.texts)
    rows = [row for labels in wanted.labels for row in compare_with_labels(labels, scores, threshold)]
    if wanted.repeated:
        asked = [scores]
        for number in range(1, wanted.asks):
            again, more = judge_scores(runtime, wanted.repeated, number)
            asked.append(again)
            warnings += more
        replies = [[one[text] for one in asked if text in one] for text in wanted.repeated]
        row = consistency_row(replies, threshold)
        rows += [row] if row else []
    record(runtime, settings, rows)
    return rows, warnings


def print_calibration(console: Console, settings: Settings, rows: Sequence[Row]) -> None:
    """Print what was measured: a sentence and the figures behind it for each row."""
    for row in rows:
        say(console, calibration_sentence(row))
        for line in _details(row):
            say(console, f"  {line}")


def _details(row: dict[str, Any]) -> Iterator[str]:
    if row["labels"] == SELF_CONSISTENCY:
        return
    good, bad = ("preferred", "other") if row["measure"] == "choices" else ("good", "bad")
    yield (
        f"above {row['threshold_tenths'] / 10:g}: {row['kept_good']:,} {good} and {row['kept_bad']:,} {bad} answers; "
        f"not above: {row['lost_good']:,} {good} and {row['lost_bad']:,} {bad}"
    )
    related = row["length_correlation"]
    ties = f"{row['ties']:,} ties, each as half; " if row["measure"] == "choices" else ""
    alone = f"words alone {row['longer']:.2f}; " if row["measure"] == "grades" and row["longer"] is not None else ""
    yield f"{ties}{alone}rank correlation of score and length " + ("not known" if related is None else f"{related:.2f}")
    left_out = [(row["unscored"], "without a valid score"), (row["undecided"], "found alike by people")]
    if said := ", ".join(f"{count:,} {why}" for count, why in left_out if count):
        yield f"left out: {said}"
    if row["writer_means"]:
        yield "mean score by who wrote the answer: " + ", ".join(
            f"{name} {mean:.2f}" for name, mean in row["writer_means"].items()
        )
