"""A run beside what is published already, an earlier workspace and a package, with questions under one template."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from jobs.cli.app import main
from jobs.curation.fates import count_fates
from jobs.deduplication.reference import DUPLICATE_OF_REFERENCE
from jobs.pipeline import STAGES
from jobs.run.run_stages import run_stages
from schemas.tables import DUPLICATES, EXAMPLES, FATES
from tests.support.demo import open_quietly
from tests.support.packages import packable, write_package

TEMPLATE = (
    "You are a careful assistant that answers in one sentence, names no source, uses no list and repeats no word of "
    "the question if it can be helped. Read the question below twice before you answer it. The question is: what is"
)
ASKED = [
    "the capital of Peru",
    "a prime above ninety",
    "the colour of ripe limes",
    "an alloy of copper",
    "the boiling point of water",
    "the author of Emma",
    "a synonym of brave",
    "the square root of 81",
    "a river of Egypt",
    "the longest bone",
    "a noble gas",
    "the currency of Japan",
    "a word for fear",
    "the largest ocean",
]


def answered(instruction: str, number: int) -> dict[str, str]:
    return {
        "instruction": instruction,
        "output": f"It is number {number}, as every almanac of that year will tell you.",
    }


@pytest.fixture(scope="module")
def run(spark, demo, tmp_path_factory):
    """The finished run, and the instructions that were published in the two places."""
    folder = tmp_path_factory.mktemp("published")
    earlier = [json.loads(line)["instruction"] for line in (demo.workspace / "output/dataset.jsonl").open()]
    long = sorted(earlier, key=len)[-2:]
    packed = [packable(number) for number in range(3)]
    write_package(folder / "package", packed)
    published = [long[0], "\n".join(long[1].upper().split()), packed[0]["instruction"]]
    asked = [*published, *(f"{TEMPLATE} {one}?" for one in ASKED)]
    (folder / "own.json").write_text(json.dumps([answered(one, number) for number, one in enumerate(asked)]))
    config = {
        "workspace": str(folder / "workspace"),
        "sources": [{"name": "own", "path": "own.json", "licence": "MIT"}],
        "deduplicate": {"against": [str(demo.workspace), "package"], "common_shingle_share": 0.2},
    }
    (folder / "own.yaml").write_text(yaml.safe_dump(config))
    runtime = open_quietly(folder / "own.yaml")
    run_stages(runtime, STAGES)
    return runtime, published


def test_what_is_published_falls_to_it_and_every_question_of_the_template_stays(run):
    runtime, published = run
    fallen = {row["id"]: row for row in runtime.read(DUPLICATES).collect()}
    texts = {row["example_id"]: row["instruction"] for row in runtime.read(EXAMPLES).collect()}

    assert sorted(texts[id_] for id_ in fallen) == sorted(published)
    assert {row["duplicate_of"].split(":")[0] for row in fallen.values()} == {
        "dataset.jsonl",
        "train-00000-of-00001.jsonl",
    }
    assert {row["jaccard"] for row in fallen.values()} == {1.0} and all(
        row["reference_text"] for row in fallen.values()
    )
    funnel = count_fates(runtime)
    assert funnel.examples["deduplicate-prompts", DUPLICATE_OF_REFERENCE] == len(published)
    assert funnel.examples["select", "selected"] == len(texts) - len(published)


def test_nothing_published_is_exported_and_the_files_verify(run, capsys):
    runtime, published = run
    file = Path(runtime.settings.workspace) / "output" / "dataset.jsonl"
    exported = {json.loads(line)["instruction"] for line in file.open()}
    assert exported and not exported & set(published)

    rows = runtime.read(FATES).where(f"reason = '{DUPLICATE_OF_REFERENCE}'").collect()
    config = str(file.parents[2] / "own.yaml")
    with pytest.raises(SystemExit) as ended:
        main(["explain", rows[0]["example_id"], "--config", config])
    assert not ended.value.code and "which is published already: Jaccard 1" in " ".join(capsys.readouterr().out.split())


def test_the_same_again_is_up_to_date_until_a_file_of_the_reference_changes(run):
    folder = Path(run[0].settings.workspace).parent
    assert {one.status for one in run_stages(open_quietly(folder / "own.yaml"), STAGES)} == {"up to date"}
    (deduplicate,) = (stage for stage in STAGES if stage.name == "deduplicate-prompts")
    before = deduplicate.inputs(run[0])

    shutil.rmtree(folder / "package")
    write_package(folder / "package", [packable(number) for number in range(4)])

    assert deduplicate.inputs(run[0]) != before
