"""No flipped bit in a data set or in its manifest passes: what was written is what is verified."""

import hashlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.verify.file import main_verify, verify_file
from schemas.manifest import SEAL_KEY, VERSION_KEY, seal_fault, sealed
from tests.support.packages import packable, write_package

ROWS = [
    {"instruction": f"Explain w{n}x1 w{n}x2 é.", "response": f"It is v{n}x1 v{n}x2 – so.", "quality_score": 8.5}
    for n in range(4)
]
DATA = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS).encode()
MANIFEST = {
    "files": {"dataset.jsonl": {"sha256": hashlib.sha256(DATA).hexdigest(), "rows": len(ROWS), "bytes": len(DATA)}},
    "created_at": "2026-01-02T03:04:05+00:00",
    "run_id": "run-7",
    "scorer": {"kind": "judge", "name": "judge-é"},
    "teachers": ["a", "b", "c"],
    "teacher_kinds": {"a": "model", "b": "model", "c": "model"},
    "targets": {"min_rows": 2, "min_mean_quality": 8.0, "min_score": 7.0, "jaccard": 0.8, "min_teachers": None},
    "counts": {"source": {"alpaca": 4}},
    "cost_usd": "0.50",
}
NO_LIMITS = {"min_teachers": None, "max_duplicate_share": None}


def flipped(content, place):
    """The bytes with one bit turned over; `place` counts bits from the start, and round."""
    place %= len(content) * 8
    return content[: place // 8] + bytes([content[place // 8] ^ (1 << place % 8)]) + content[place // 8 + 1 :]


def says_the_same(one, other):
    try:
        return json.loads(one) == json.loads(other)
    except ValueError:
        return False


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A file and its manifest as `phase0 export` writes them."""
    folder = tmp_path_factory.mktemp("output")
    (folder / "dataset.jsonl").write_bytes(DATA)
    manifest = json.dumps(sealed(MANIFEST), indent=2, ensure_ascii=False).encode() + b"\n"
    (folder / "manifest.json").write_bytes(manifest)
    assert verify_file(folder / "dataset.jsonl", NO_LIMITS).passed
    return folder, manifest


@settings(max_examples=400, deadline=None)
@given(place=st.integers(0, 10**6))
def test_a_flipped_bit_in_the_manifest_of_a_file_fails_or_means_nothing(exported, place):
    folder, manifest = exported
    harmed = flipped(manifest, place)
    (folder / "manifest.json").write_bytes(harmed)
    try:
        passed = verify_file(folder / "dataset.jsonl", NO_LIMITS).passed
    finally:
        (folder / "manifest.json").write_bytes(manifest)

    assert passed == says_the_same(manifest, harmed)


@settings(max_examples=200, deadline=None)
@given(place=st.integers(0, 10**6))
def test_a_flipped_bit_in_the_data_fails(exported, place):
    folder, _ = exported
    (folder / "dataset.jsonl").write_bytes(flipped(DATA, place))
    try:
        assert not verify_file(folder / "dataset.jsonl", NO_LIMITS).passed
    finally:
        (folder / "dataset.jsonl").write_bytes(DATA)


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    folder = tmp_path_factory.mktemp("package") / "p"
    rows = [packable(number, "validation" if number < 2 else "train") for number in range(6)]
    write_package(folder, rows, formats=["jsonl", "parquet"], messages=True, shards=2)
    assert main_verify(folder, {}) == 0
    return folder, sorted(path for path in folder.rglob("*") if path.is_file())


@settings(max_examples=150, deadline=None)
@given(which=st.integers(0, 10**3), place=st.integers(0, 10**6))
def test_a_flipped_bit_anywhere_in_a_package_fails_or_means_nothing(package, which, place):
    folder, files = package
    path = files[which % len(files)]
    content = path.read_bytes()
    harmed = flipped(content, place)
    path.write_bytes(harmed)
    try:
        passed = main_verify(folder, {}) == 0
    finally:
        path.write_bytes(content)

    assert passed == (path.name == "manifest.json" and says_the_same(content, harmed))


def test_the_seal_is_of_what_is_said_and_not_of_its_layout():
    whole = sealed(MANIFEST)

    assert seal_fault(json.loads(json.dumps(dict(reversed(whole.items())), indent=7))) is None
    assert seal_fault(MANIFEST) is None, "older manifests, and those of others, have none"
    for key in (SEAL_KEY, VERSION_KEY):
        fault = seal_fault({name: value for name, value in whole.items() if name != key})
        assert fault == f"is damaged: it has lost its {key}"
    for changed in ({"run_id": "run-8"}, {"more": 1}, {VERSION_KEY: 3}, {SEAL_KEY: None}):
        assert "its seal differs" in str(seal_fault({**whole, **changed}))
