"""How far scores that are learnt of a judge agree with it, with people's grades in the judge's place.

    python -m tests.benchmarks.distilled_scorer --data ../shared/data

The judge is the mean of the `quality` labels of OpenAssistant's answers, 0 to 1 as 1.0 to 10.0. A sample is drawn and
learnt from as `score.kind: distilled` does it; what is predicted for all other answers is compared with their grades.
Then the same predictions are asked of pairs of answers of which people prefer one: all of them, and those in which
people prefer the longer or the shorter, since a model that has learnt length gets the ones right and the others wrong.
"""

import argparse
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from jobs.config.load import load_settings
from jobs.surrogate.held_out import held_out_sentence
from jobs.surrogate.model import Surrogate, learn
from jobs.surrogate.sample import draw_sample
from jobs.surrogate.scores import LEAST_SAMPLE
from jobs.workspace.session import get_session
from tests.benchmarks.heuristic_agreement import RATED_FILE, Choice, all_choices, length, read_ratings
from udfs.scoring.calibration import pair_accuracy
from udfs.scoring.feature_batches import FEATURED
from udfs.scoring.features import features_of, findings_of
from udfs.scoring.held_out import held_out_figures
from udfs.scoring.intervals import Predicted, sample_size

MARGINS, COVERAGES, THRESHOLDS = (0.05, 0.025), (0.8, 0.9), (50, 70)


def featured_answers(spark: SparkSession, data: Path) -> tuple[DataFrame, dict[str, int]]:
    """Rows of `FEATURED` and the grade of each in tenths."""
    rows, grades = [], {}
    for number, one in enumerate(read_ratings(data / RATED_FILE)):
        features = features_of(one.instruction, one.response)
        key = f"answer-{number:05}"
        rows.append((key, "oasst", None, findings_of(features), False, features))
        grades[key] = round(10 + 90 * one.quality)
    return spark.createDataFrame(rows, FEATURED), grades


def print_rest(surrogate: Surrogate, rest: DataFrame, grades: dict[str, int], threshold: int, total: int) -> None:
    """What is predicted of the answers that were not in the sample, against their grades."""
    found = {
        row["pair_id"]: Predicted(row["predicted_tenths"], row["low_tenths"], row["high_tenths"])
        for row in surrogate.predict(rest).collect()
    }
    unsure = sum(one.straddles(threshold) for one in found.values())
    rows = sorted(found)
    figures = held_out_figures([grades[row] for row in rows], [found[row] for row in rows], threshold)
    spared = len(found) - unsure
    print(f"    the rest: {held_out_sentence(figures)}")
    print(f"    calls: {total - spared:,} of {total:,}, {spared:,} ({spared / total:.1%}) spared")
    held = [surrogate.held_out[row] for row in surrogate.judged]
    print(f"    the sample: {held_out_sentence(held_out_figures(list(surrogate.judged.values()), held, threshold))}")


def print_choices(spark: SparkSession, surrogate: Surrogate, data: Path) -> None:
    """How often what was learnt prefers what people prefer."""
    for name, choices in all_choices(data).items():
        if "OpenAssistant" in name:  # some of these were learnt from
            continue
        longer = [one for one in choices if length("", one.better) > length("", one.worse)]
        shorter = [one for one in choices if length("", one.better) < length("", one.worse)]
        for kind, some in (("all", choices), ("people prefer the longer", longer), ("the shorter", shorter)):
            agreed, ties = pair_accuracy(*_both(spark, surrogate, some))
            print(
                f"  {name}, {kind}: {len(some)}, {agreed.value:.3f} ({agreed.low:.3f}-{agreed.high:.3f}), {ties} ties"
            )


def _both(spark: SparkSession, surrogate: Surrogate, choices: Iterable[Choice]) -> tuple[list[int], list[int]]:
    sides = [(one.instruction, text) for one in choices for text in (one.better, one.worse)]
    rows = [(f"{number:06}", features_of(*side)) for number, side in enumerate(sides)]
    found = surrogate.predict(spark.createDataFrame(rows, "pair_id string, features array<double>"))
    tenths = [row["predicted_tenths"] for row in found.orderBy("pair_id").collect()]
    return tenths[::2], tenths[1::2]


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    data = parser.parse_args().data
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    spark = get_session(load_settings("demo").spark, None)
    answers, grades = featured_answers(spark, data)
    answers = answers.cache()
    judged = spark.createDataFrame(list(grades.items()), "pair_id string, quality_tenths int")
    for margin in MARGINS:
        wanted = max(LEAST_SAMPLE, sample_size(len(grades), margin))
        drawn = draw_sample(answers, wanted).cache()
        rest = answers.join(drawn.select("pair_id"), "pair_id", "left_anti").cache()
        for coverage in COVERAGES:
            surrogate = learn(drawn.join(judged, "pair_id"), coverage)
            assert surrogate is not None
            for threshold in THRESHOLDS:
                kept = sum(grade > threshold for grade in grades.values()) / len(grades)
                print(f"margin {margin}, coverage {coverage}, threshold {threshold / 10}, above it {kept:.1%}:")
                print_rest(surrogate, rest, grades, threshold, len(grades))
        print_choices(spark, surrogate, data)


if __name__ == "__main__":
    main()
