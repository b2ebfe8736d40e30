"""What was measured of a scorer is kept, holds for that scorer alone, and the latest counts. No JVM is started."""

from dataclasses import replace
from datetime import timedelta

import pytest
from rich.console import Console

from jobs.calibration.calibrate import Wanted, print_calibration, read_wanted, run_calibration, settings_for
from jobs.calibration.fingerprint import scorer_fingerprint
from jobs.calibration.stored import calibration_lines, calibrations_of
from jobs.config.load import load_settings
from jobs.workspace.runtime import open_runtime
from schemas.errors import ConfigError

JUDGE = ("score.kind=judge", "score.base_url=http://127.0.0.1:1/v1", "score.model=small")


@pytest.fixture
def runtime(tmp_path):
    return open_runtime(load_settings("demo", [f"workspace={tmp_path}"]), Console(width=200, record=True, quiet=True))


@pytest.fixture
def labels(tmp_path):
    file = tmp_path / "people.jsonl"
    right, wrong = "Plants make sugar from light and water in their leaves.", "What do you mean?"
    records = [
        f'{{"input": "How do plants {n} eat?", "output_1": "{right}", "output_2": "{wrong}", "label": "1"}}'
        for n in "ab"
    ]
    file.write_text("\n".join(records), "utf-8")
    return file


def test_nothing_measured_is_nothing_to_show(runtime):
    assert calibrations_of(runtime) == ()


def test_what_was_measured_is_shown_with_its_day_and_the_latest_counts(runtime, labels):
    settings = runtime.settings
    rows, warnings = run_calibration(runtime, settings, read_wanted([labels], settings, None, 10, 3))
    later = replace(runtime, started_at=runtime.started_at + timedelta(days=1))
    run_calibration(later, settings, read_wanted([labels], settings, 1, 10, 3))

    (found,) = calibrations_of(runtime)

    assert warnings == ()
    assert rows[0]["rows"] == 2
    assert (found["rows"], found["value"], found["longer"], found["kept_bad"]) == (1, 1.0, 1.0, 0)
    (line,) = calibration_lines([found])
    assert line.startswith("people.jsonl: prefers what people prefer in 100.0 % of 1")
    assert line.endswith(f"measured on {later.started_at:%Y-%m-%d}")


def test_it_holds_for_the_scorer_that_was_measured(runtime, labels, tmp_path):
    run_calibration(runtime, runtime.settings, read_wanted([labels], runtime.settings, None, 10, 3))
    other = load_settings("demo", [f"workspace={tmp_path}", "score.weights=[2,1,1,1]"])

    assert calibrations_of(replace(runtime, settings=other)) == ()


def test_a_judge_is_known_by_model_and_prompt_and_not_by_where_it_is_asked():
    mine = scorer_fingerprint(load_settings("demo", JUDGE))

    assert scorer_fingerprint(load_settings("demo", [*JUDGE, "score.model=large"])) != mine
    assert scorer_fingerprint(load_settings("demo", [*JUDGE, "score.temperature=0.5"])) != mine
    learnt = load_settings("demo", [*JUDGE, "score.kind=distilled"])
    assert len({mine, scorer_fingerprint(learnt, "one"), scorer_fingerprint(learnt, "other")}) == 3
    assert scorer_fingerprint(load_settings("demo", [*JUDGE, "calls.attempts=2", "select.min_score=6"])) == mine


def test_rules_are_calibrated_whatever_the_configuration_scores_with():
    judged = load_settings("demo", JUDGE)

    rules = settings_for(judged, "heuristic")

    assert scorer_fingerprint(rules) == scorer_fingerprint(load_settings("demo"))
    assert settings_for(judged, None) is judged


def test_what_was_learnt_of_a_judge_is_compared_where_the_judge_is_configured(runtime, tmp_path):
    judged = load_settings("demo", [*JUDGE, f"workspace={tmp_path}"])

    learnt = settings_for(judged, "distilled")

    assert settings_for(learnt, "judge") == judged
    with pytest.raises(ConfigError, match=r"no score .* is predicted.*--to score"):
        run_calibration(replace(runtime, settings=learnt), learnt, Wanted((), ()))


def test_a_judge_that_is_not_configured_is_asked_for_with_what_to_type():
    with pytest.raises(ConfigError, match=r"--set score\.kind=judge"):
        settings_for(load_settings("demo"), "judge")


def test_only_a_judge_is_asked_again(labels):
    rules, judged = load_settings("demo"), load_settings("demo", JUDGE)

    assert read_wanted([labels], rules, None, 2, 3).calls == 4
    assert read_wanted([labels], judged, None, 2, 3).calls == 4 + 2 * 2
    assert read_wanted([labels], judged, None, 2, 1).calls == 4
    assert read_wanted([labels], settings_for(judged, "distilled"), None, 2, 3).calls == 4


def test_two_files_of_one_name_are_refused(labels, tmp_path):
    other = tmp_path / "other" / labels.name
    other.parent.mkdir()
    other.write_bytes(labels.read_bytes())

    with pytest.raises(ConfigError, match=r"rename one of people\.jsonl"):
        read_wanted([labels, other], load_settings("demo"), None, 10, 3)


def test_the_figures_behind_a_sentence_are_printed(runtime, labels):
    rows, _ = run_calibration(runtime, runtime.settings, read_wanted([labels], runtime.settings, None, 10, 3))
    console = Console(width=200, record=True)

    print_calibration(console, runtime.settings, rows)

    text = console.export_text()
    assert "above 7: 2 preferred and 0 other answers; not above: 0 preferred and 2 other" in text
    assert "0 ties, each as half" in text
