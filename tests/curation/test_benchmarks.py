"""Which benchmarks are looked for: those chosen, else those fetched; each is read as the hub publishes it."""

import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from rich.console import Console

from jobs.config.load import load_settings
from jobs.config.settings import Settings
from jobs.curation.benchmarks import absent_benchmarks, benchmark_files, searched_benchmarks
from jobs.sources.fetch import fetch_missing, fetch_sources
from jobs.sources.lockfile import read_lock
from jobs.workspace.runtime import open_runtime
from schemas.errors import ConfigError
from tests.support.commands import run
from tests.support.loopback import Repository, commit_id

COMMIT = commit_id("benchmarks")
QUESTION = "Janet's ducks lay 16 eggs per day. She eats three for breakfast. How many are left to sell at the market?"
SHARD = "test-00000-of-00001.parquet"
# Name -> hub, its files with one record each, and the texts that are looked for, as (item, field, text). Records and
# names have the shape of what the hub holds; what no text is looked for in is there to be passed over.
PUBLISHED = {
    "gsm8k": (
        "openai/gsm8k",
        {
            f"main/{SHARD}": {"question": QUESTION, "answer": "13"},
            f"socratic/{SHARD}": {"question": "no", "answer": "0"},
        },
        {("0", "question", QUESTION), ("0", "answer", "13")},
    ),
    "math": (
        "EleutherAI/hendrycks_math",
        {
            f"algebra/{SHARD}": {"problem": "2x = 4", "level": "1", "type": "Algebra", "solution": "x is 2"},
            f"geometry/{SHARD}": {"problem": "An angle", "level": "1", "type": "Geometry", "solution": "right"},
            "algebra/train-00000-of-00001.parquet": {"problem": "no", "solution": "no"},
        },
        {
            (f"algebra/{SHARD}#0", "question", "2x = 4"),
            (f"algebra/{SHARD}#0", "answer", "x is 2"),
            (f"geometry/{SHARD}#0", "question", "An angle"),
            (f"geometry/{SHARD}#0", "answer", "right"),
        },
    ),
    "humaneval": (
        "openai/openai_humaneval",
        {
            f"openai_humaneval/{SHARD}": {
                "task_id": "HumanEval/0",
                "prompt": "def f():",
                "canonical_solution": "return 1",
            }
        },
        {("HumanEval/0", "question", "def f():"), ("HumanEval/0", "answer", "return 1")},
    ),
    "mbpp": (
        "google-research-datasets/mbpp",
        {
            f"full/{SHARD}": {"task_id": 11, "text": "Remove it.", "code": "def remove():", "test_list": ["assert 1"]},
            f"sanitized/{SHARD}": {"task_id": 11, "prompt": "no", "code": "no"},
        },
        {("11", "question", "Remove it."), ("11", "answer", "def remove():")},
    ),
    "mmlu": (
        "cais/mmlu",
        {f"all/{SHARD}": {"question": "Find the degree.", "subject": "algebra", "choices": ["0", "4"], "answer": 1}},
        {("0", "question", "Find the degree.")},
    ),
    "truthfulqa": (
        "truthfulqa/truthful_qa",
        {"generation/validation-00000-of-00001.parquet": {"question": "Who flies?", "best_answer": "Birds fly."}},
        {("0", "question", "Who flies?"), ("0", "answer", "Birds fly.")},
    ),
    "mt_bench": (
        "HuggingFaceH4/mt_bench_prompts",
        {
            "data/train-00000-of-00001-9fe8d3d6f9a9a9f5.parquet": {
                **{"category": "writing", "prompt": ["Write a post.", "Rewrite it."]},
                **{"reference": [], "prompt_id": 81},
            }
        },
        {("81", "question", "Write a post."), ("81", "question", "Rewrite it.")},
    ),
    "arena_hard": (
        "lmarena-ai/arena-hard-auto",
        {
            "data/arena-hard-v0.1/question.jsonl": {"question_id": "328", "turns": [{"content": "Use ABC notation."}]},
            "data/arena-hard-v0.1/model_answer/a.jsonl": {"question_id": "no", "turns": [{"content": "no"}]},
        },
        {("328", "question", "Use ABC notation.")},
    ),
    "ifeval": (
        "google/IFEval",
        {"ifeval_input_data.jsonl": {"key": 1000, "prompt": "Write 300 words.", "instruction_id_list": ["p:no_comma"]}},
        {("1000", "question", "Write 300 words.")},
    ),
    "alpaca_eval": (
        "tatsu-lab/alpaca_eval",
        {
            "alpaca_eval.json": [
                {"dataset": "helpful", "instruction": "Name actors.", "output": "Here.", "generator": "g"}
            ]
        },
        {("0", "question", "Name actors."), ("0", "answer", "Here.")},
    ),
    "arc": (
        "allenai/ai2_arc",
        {
            f"ARC-Challenge/{SHARD}": {"id": "M_2007", "question": "An astronomer sees?", "answerKey": "C"},
            f"ARC-Easy/{SHARD}": {"id": "M_2008", "question": "Which is true?", "answerKey": "A"},
        },
        {
            (f"ARC-Challenge/{SHARD}#M_2007", "question", "An astronomer sees?"),
            (f"ARC-Easy/{SHARD}#M_2008", "question", "Which is true?"),
        },
    ),
    "hellaswag": (
        "Rowan/hellaswag",
        {
            "data/validation-00000-of-00001.parquet": {
                "ind": 24,
                "ctx": "A man sits. he",
                "endings": ["no"],
                "label": "3",
            }
        },
        {("24", "question", "A man sits. he")},
    ),
    "bbh": (
        "lukaemon/bbh",
        {f"navigate/{SHARD}": {"input": "Turn left. Back?", "target": "No"}},
        {("0", "question", "Turn left. Back?"), ("0", "answer", "No")},
    ),
}


def stored(name: str, record: dict | list) -> bytes:
    if not name.endswith(".parquet"):
        return (json.dumps(record) + "\n").encode()
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([record]), buffer)
    return buffer.getvalue()


@pytest.fixture
def hub(server):
    """Every known benchmark, at its place on the hub."""
    for hub, files, _ in PUBLISHED.values():
        content = {name: stored(name, record) for name, record in files.items()}
        server.repositories[hub] = Repository({COMMIT: content}, {"main": COMMIT})
    return server


@pytest.fixture
def config(tmp_path) -> str:
    rows = [{"instruction": f"{QUESTION} Think step by step.", "output": "13 are left."}]
    rows += [{"instruction": f"What is the square of {n}?", "output": f"The square of {n} is {n * n}."} for n in (7, 8)]
    (tmp_path / "own.json").write_text(json.dumps(rows))
    sources = [{"name": "own", "path": "own.json", "licence": "MIT"}]
    path = tmp_path / "phase0.yaml"
    path.write_text(yaml.safe_dump({"workspace": str(tmp_path / "workspace"), "sources": sources}))
    return str(path)


def texts_of(settings: Settings, name: str) -> set[tuple[str, str, str]]:
    files = [file for file in benchmark_files(settings) if file.benchmark.name == name]
    return {(item.item, item.field, item.text) for file in files for item in file.items()}


def test_every_known_benchmark_is_read_as_the_hub_publishes_it(hub, config):
    settings = load_settings(config, ["decontaminate.benchmarks=all"])

    fetch_missing(settings, Console(quiet=True))

    assert {name: texts_of(settings, name) for name in PUBLISHED} == {
        name: texts for name, (_, _, texts) in PUBLISHED.items()
    }
    assert absent_benchmarks(settings, benchmark_files(settings)) == []


def test_without_a_choice_a_run_downloads_none_and_looks_for_what_was_fetched(hub, config):
    settings = load_settings(config)
    fetch_missing(settings, Console(quiet=True))
    fetch_sources(settings, Console(quiet=True))
    assert hub.asked == [] and list(benchmark_files(settings)) == []

    fetch_sources(settings, Console(quiet=True), ["benchmark-gsm8k"])

    assert {file.benchmark.name for file in benchmark_files(settings)} == {"gsm8k"}
    assert absent_benchmarks(settings, benchmark_files(settings)) == [], "nobody asked for the others"


def test_what_was_fetched_and_is_no_longer_whole_is_told(hub, config):
    settings = load_settings(config)
    fetch_sources(settings, Console(quiet=True), benchmarks=True)
    locked = read_lock(settings.workspace).sources["benchmark-mbpp"].files[0]
    (Path(settings.workspace) / "downloads" / locked.path).unlink()

    assert absent_benchmarks(settings, benchmark_files(settings)) == ["mbpp"]


def test_nothing_is_looked_for_where_the_configuration_says_so(hub, config):
    fetch_sources(load_settings(config), Console(quiet=True), benchmarks=True)

    assert list(benchmark_files(load_settings(config, ["decontaminate.benchmarks=[]"]))) == []


def test_one_that_has_to_be_there_and_is_not_is_named_with_what_to_type(server, config):
    settings = load_settings(config, ["decontaminate.benchmarks=[gsm8k, {name: own, path: items.jsonl}]"])
    with pytest.raises(ConfigError, match=r"own: no such file: .*items\.jsonl\nor say that it may be absent: optional"):
        list(benchmark_files(settings))

    settings = load_settings(config, ["decontaminate.benchmarks=[gsm8k]"])
    with pytest.raises(ConfigError, match="benchmark-gsm8k: openai/gsm8k\nType `phase0 fetch benchmark-gsm8k`"):
        list(benchmark_files(settings))


def test_a_run_marks_the_items_of_what_was_fetched_and_says_against_which_bytes(spark, hub, config, capsys):
    assert run("run", "--config", config, "--to", "decontaminate") == 0
    assert "`phase0 fetch --benchmarks` brings" in " ".join(capsys.readouterr().out.split())
    del hub.repositories["lukaemon/bbh"]  # one of those that can go missing upstream

    assert run("fetch", "--config", config, "--benchmarks") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "benchmark-gsm8k openai/gsm8k, revision" in said and "optional, and left out: benchmark-bbh" in said
    hub.asked.clear()
    assert run("run", "--config", config, "--to", "decontaminate", "--offline") == 0

    assert hub.asked == []
    assert "3 in 2 out" in " ".join(capsys.readouterr().out.split())
    searched = {
        one["benchmark"]: one for one in searched_benchmarks(open_runtime(load_settings(config), Console(quiet=True)))
    }
    assert searched.keys() == PUBLISHED.keys() - {"bbh"}
    gsm8k = searched["gsm8k"]
    assert (gsm8k["origin"], gsm8k["items_found"], gsm8k["rows_marked"]) == (f"openai/gsm8k@{COMMIT}", 1, 1)
