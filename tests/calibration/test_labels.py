"""Files of labels in every shape that people publish them in are read, and what is no label is counted or refused."""

import gzip
import json

import pytest

from jobs.calibration.labels import Choice, Grade, read_labels
from schemas.errors import ConfigError


def write(tmp_path, records, name="labels.json"):
    path = tmp_path / name
    path.write_text(json.dumps(records), "utf-8")
    return path


ASKED = {"instruction": "Name a river.", "input": ""}
CHOICES = {
    "llmbar": {"input": "Name a river.", "output_1": "The Po.", "output_2": "Blue.", "label": "1"},
    "llmbar_number": {"input": "Name a river.", "output_1": "Blue.", "output_2": "The Po.", "label": 2},
    "alpaca_eval": {**ASKED, "output_1": "Blue.", "output_2": "The Po.", "preference": 2.0},
    "alpaca_eval_share": {**ASKED, "output_1": "The Po.", "output_2": "Blue.", "preference": 1.2},
    "pandalm": {
        **{"instruction": "Name a river.", "input": float("nan"), "response1": "The Po.", "response2": "Blue."},
        **{"annotator1": 1, "annotator2": 2, "annotator3": 1, "cmp_key": "a-7b_b-7b"},
    },
    "arena": {
        "conversation_a": [{"role": "user", "content": "Name a river."}, {"role": "assistant", "content": "Blue."}],
        "conversation_b": [{"role": "user", "content": "Name a river."}, {"role": "assistant", "content": "The Po."}],
        "winner": "model_b",
        "turn": 1,
    },
    "chosen": {**ASKED, "chosen": "The Po.", "rejected": "Blue."},
    "sharegpt": {
        "conversations": [{"from": "human", "value": "Name a river."}],
        "chosen": {"from": "gpt", "value": "The Po."},
        "rejected": {"from": "gpt", "value": "Blue."},
    },
}


@pytest.mark.parametrize("shape", CHOICES)
def test_a_preference_is_read_in_the_shape_it_is_published_in(shape, tmp_path):
    labels = read_labels(write(tmp_path, [CHOICES[shape]]))

    (choice,) = labels.choices
    assert choice[:3] == ("Name a river.", "The Po.", "Blue.")
    assert labels.ties == 0


def test_who_wrote_the_answers_of_pandalm_is_in_its_key(tmp_path):
    (choice,) = read_labels(write(tmp_path, [CHOICES["pandalm"]])).choices

    assert (choice.better_by, choice.worse_by) == ("a-7b", "b-7b")


TIES = {
    "preference": {**ASKED, "output_1": "a", "output_2": "b", "preference": 1.5},
    "annotators": {**ASKED, "response1": "a", "response2": "b", "annotator1": 1, "annotator2": 2, "annotator3": 0},
    "both_bad": {**CHOICES["arena"], "winner": "tie (bothbad)"},
    "the_same_text": {**ASKED, "output_1": "a", "output_2": "a", "label": "1"},
}


@pytest.mark.parametrize("name", TIES)
def test_what_people_find_alike_is_counted_and_decides_nothing(name, tmp_path):
    labels = read_labels(write(tmp_path, [TIES[name], CHOICES["llmbar"]]))

    assert labels.ties == 1
    assert len(labels.choices) == 1


def test_an_input_stands_below_its_instruction(tmp_path):
    record = {"instruction": "Translate.", "input": "Bonjour", "output_1": "Hello", "output_2": "Bye", "label": "1"}

    assert read_labels(write(tmp_path, [record])).choices[0].instruction == "Translate.\n\nBonjour"


def test_the_quality_of_openassistant_belongs_to_the_reply_and_its_parent(tmp_path):
    labels = {"name": ["toxicity", "quality"], "value": [0.1, 0.75], "count": [3, 3]}
    rows = [
        {"message_id": "1", "parent_id": None, "role": "prompter", "text": "Name a river.", "labels": labels},
        {"message_id": "2", "parent_id": "1", "role": "assistant", "text": "The Po.", "labels": labels},
        {"message_id": "3", "parent_id": "1", "role": "assistant", "text": "Blue.", "labels": None},
    ]
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))

    found = read_labels(path)

    assert found.grades == (Grade("Name a river.", "The Po.", 0.75),)
    assert found.skipped == {"no label quality": 1}


def test_a_filled_in_review_sheet_grades_by_its_verdicts(tmp_path):
    path = tmp_path / "review.csv"
    path.write_text(
        "\ufeffpair_id;source;category;quality_score;instruction;response;verdict;note\n"
        "1;oasst;general;8.8;'=1+1 is what?;2;keep;\n"
        "2;oasst;general;8.8;Name a river.;Blue.;DROP;no river\n"
        "3;oasst;general;8.8;Name a lake.;Como.;;\n",
        "utf-8",
    )

    found = read_labels(path)

    assert found.grades == (Grade("=1+1 is what?", "2", 1.0, "oasst"), Grade("Name a river.", "Blue.", 0.0, "oasst"))
    assert found.skipped == {"no grade": 1}
    assert found.good_from == 0.5


@pytest.mark.parametrize("content", ["", "[]", "{", '{"instruction": "a", "output": "b"}', "\x00", "[1, null]"])
def test_a_file_without_labels_is_refused_with_its_name(content, tmp_path):
    path = tmp_path / "labels.json"
    path.write_text(content, "utf-8")

    with pytest.raises(ConfigError, match=r"labels\.json"):
        read_labels(path)


def test_a_separator_within_a_text_ends_no_line(tmp_path):
    path = tmp_path / "labels.jsonl"
    path.write_text(json.dumps({"instruction": "a\u2028b", "output": "c", "score": 3}, ensure_ascii=False), "utf-8")

    assert [one.instruction for one in read_labels(path).grades] == ["a\u2028b"]


def test_a_sheet_with_an_open_quote_is_refused_with_its_name(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text('instruction,output,score\n"' + "a," * 2_000_000, "utf-8")

    with pytest.raises(ConfigError, match=r"labels\.csv"):
        read_labels(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match="no such file"):
        read_labels(tmp_path / "labels.json")


def test_the_sets_of_the_papers_are_read_whole(shared_data):
    sizes = {
        "quality/LLMBar__Natural__dataset.json": 100,
        "quality/Processed__MT-Bench__dataset.json": 200,
        "quality/Processed__FairEval__dataset.json": 66,
    }

    for name, size in sizes.items():
        labels = read_labels(shared_data / name)
        assert (len(labels.choices), labels.skipped) == (size, {})
        assert all(isinstance(choice, Choice) and choice.better != choice.worse for choice in labels.choices)
