"""One cell of the kill matrix for each way to die, at a stage each; `make soak` draws from all of them."""

import random

import pytest

from tests.support.kill_matrix import IN_FLIGHT, STAGES, WAYS, Kill, Matrix, cells, table, ways_here

# One stage for each way: each stage that pays, one of Spark's own, one with Python workers, and the export. CI runs the
# first: a minute or two of CPU for the undisturbed run, and half a minute for the cell.
CELLS = [
    pytest.param("export", "power", marks=pytest.mark.slow),
    *(
        pytest.param(*cell, marks=pytest.mark.soak)
        for cell in (("distill", "group"), ("score", "SIGTERM"), ("screen", "disk"))
    ),
]


@pytest.fixture(scope="module")
def matrix(provider_process, tmp_path_factory):
    return Matrix(tmp_path_factory.mktemp("matrix") / "m", provider_process, 40)


@pytest.mark.parametrize(("stage", "way"), CELLS)
def test_a_run_that_was_killed_goes_on_to_the_same_bytes(matrix, stage, way):
    if way not in ways_here():
        pytest.skip("only root can mount a small disk")

    kill = matrix.kill(stage, way, random.Random(f"{stage} {way}"), at_once=True)

    assert kill.was_hit and kill.is_sound, kill


def test_every_cell_is_tried_before_one_is_tried_again():
    drawn = cells(100, WAYS, random.Random(7))

    assert len(drawn) == 100
    assert len(set(drawn[: len(STAGES) * len(WAYS)])) == len(STAGES) * len(WAYS)


def test_the_table_counts_what_was_hit_and_marks_what_was_broken():
    sound = Kill("screen", "group", True, -9, True, 0, 0, "")
    missed = Kill("screen", "group", False, 0, True, 0, 0, "")
    broken = Kill("score", "power", True, -9, True, 1, 0, "")

    lines = table([sound, missed, broken]).splitlines()

    assert lines[0] == "| stage | group | power |"
    assert "| screen | 1 of 2 |  |" in lines and "| score |  | 1 of 1 ! |" in lines
    assert not Kill("score", "group", True, -9, False, 0, 0, "").is_sound
    assert not Kill("score", "group", True, -9, True, 0, IN_FLIGHT + 1, "").is_sound
    assert not Kill("score", "SIGINT", True, 1, True, 0, 0, "a Spark job failed: Gateway").is_sound
    assert Kill("score", "SIGINT", True, 3, True, 0, 0, "").is_sound
    assert Kill("score", "SIGINT", False, 0, True, 0, 0, "").is_sound
