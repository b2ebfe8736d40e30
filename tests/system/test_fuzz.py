"""A few hundred mutated replies and files; `make soak` tries them for minutes."""

import random

import pytest

from tests.support import fuzz


def test_mutated_replies_and_files_break_no_promise():
    found = fuzz.fuzz(7, inputs=400)

    assert found.faults == []
    assert found.inputs.total() == 400 and set(found.inputs) == {"reply", "batch", "file"}


def test_a_broken_promise_is_found(monkeypatch, tmp_path):
    monkeypatch.setattr(fuzz, "_FOUND", tmp_path)
    monkeypatch.setattr(fuzz, "Redactor", lambda keys: str)

    found = fuzz.fuzz(7, inputs=400)

    assert any("a part of the key is stored" in fault for fault in found.faults)
    assert len(list(tmp_path.iterdir())) == len(found.faults), "each input is kept"


@pytest.mark.parametrize("content", [b"", b"{}", b"x"])
def test_a_mutation_is_made_of_anything(content):
    assert isinstance(fuzz.mutated(content, random.Random(1)), bytes)
