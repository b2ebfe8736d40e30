"""Benchmarks of the configuration: known ones by name, others by where they are, faults said at once."""

import pytest

from jobs.config.decontaminate import BenchmarkConfig, known_benchmarks
from jobs.config.licences import find_licence
from jobs.config.load import load_settings
from jobs.config.settings import Settings, source_of
from schemas.errors import ConfigError

ALL = {
    "gsm8k", "math", "humaneval", "mbpp", "mmlu", "truthfulqa", "mt_bench", "arena_hard", "ifeval", "alpaca_eval",
    "arc", "hellaswag", "bbh",
}  # fmt: skip


def test_every_known_benchmark_says_where_it_is_what_is_looked_for_and_under_which_licence():
    assert set(known_benchmarks()) == ALL
    for name in known_benchmarks():
        benchmark = BenchmarkConfig.model_validate(name)
        assert benchmark.hub and benchmark.files and benchmark.fields["question"], name
        assert find_licence(benchmark.licence).is_known, name
        assert source_of(benchmark).name == f"benchmark-{name}"


def test_what_is_said_besides_a_known_name_counts_before_what_is_known(tmp_path):
    chosen = "[{name: gsm8k, revision: v2, optional: true}, {name: mbpp, path: mine.jsonl, fields: {question: text}}]"
    settings = load_settings("demo", [f"decontaminate.benchmarks={chosen}"])

    gsm8k, mbpp = settings.decontaminate.benchmarks
    assert (gsm8k.hub, gsm8k.revision, gsm8k.optional) == ("openai/gsm8k", "v2", True)
    assert (mbpp.hub, mbpp.files, mbpp.licence, mbpp.fields) == (None, (), "CC-BY-4.0", {"question": "text"})
    assert mbpp.path and mbpp.path[0].endswith("/conf/mine.jsonl"), "relative to the configuration, as of a source"


@pytest.mark.parametrize(
    ("benchmarks", "said"),
    [
        ("[gsm9k]", "benchmarks.0: no benchmark gsm9k: name one of gsm8k, math"),
        ("[{name: mine}]", "benchmarks.0 (mine): needs one of path, hub or url"),
        ("[{name: mine, url: 'ftp://x'}]", "benchmarks.0 (mine): url ftp://x is not an http or https address"),
        ("[{name: mine, path: a, question: q}]", "benchmarks.0.question: unknown key; known here are name, path"),
        ("[{name: mine, path: a, fields: {answer: a}}]", "benchmarks.0: fields names no column for question"),
        ("[{name: mine, path: a, fields: {instruction: a}}]", "'question', 'answer' or 'id'"),
        ("[mmlu, mmlu]", "benchmarks: the name mmlu is used twice"),
    ],
)
def test_a_fault_is_said_with_its_place(benchmarks, said):
    with pytest.raises(ConfigError) as refused:
        load_settings("demo", [f"decontaminate.benchmarks={benchmarks}"])
    assert said in str(refused.value)


def test_a_source_may_be_called_like_a_benchmark_but_not_like_its_downloads():
    def settings(name):
        source = {"name": name, "path": "a.json", "licence": "MIT"}
        return Settings.model_validate({"sources": [source], "decontaminate": {"benchmarks": ["gsm8k"]}})

    assert settings("gsm8k").downloadable[1].name == "benchmark-gsm8k"
    with pytest.raises(ValueError, match="benchmark-gsm8k, its downloads' name, is a source's too"):
        settings("benchmark-gsm8k")


@pytest.mark.parametrize("override", ["share=0", "share=1.1", "answer_share=0", "short_tokens=7"])
def test_limits_have_ranges(override):
    with pytest.raises(ConfigError):
        load_settings("demo", [f"decontaminate.{override}"])
