"""Executor side of near-duplicate search: shingles of texts, crowded buckets, and the similar pairs of each bucket.

Nothing here imports pyspark: a Python worker would spend a second and 130 MB on `pyspark.ml` for the name of a type.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from udfs.arrow_groups import ArrowBatches, whole_groups
from udfs.chunks import chunks
from udfs.large_buckets import pairs_across, pairs_of_walk
from udfs.shingled_rows import ComparedTexts, Found, ShingledRows, Similarities, TwinRules, concatenated, masked
from udfs.shingles import Shingles, shingle_texts

Integers = npt.NDArray[np.int64]

# MinHashLSH hashes (1 + index) modulo this prime, so no index may reach it.
VECTOR_SIZE = 2_038_074_742
# Bounds of one step: characters shingled, members of buckets gathered, rows compared with all others of a chunk.
_CHUNK_CHARACTERS = 4_000_000
_CHUNK_ROWS = 20_000
_BLOCK_ROWS = 2_000

_VECTOR = pa.struct(
    [("type", pa.int8()), ("size", pa.int32()), ("indices", pa.list_(pa.int32())), ("values", pa.list_(pa.float64()))]
)
EDGE = "left string, right string, jaccard double, turn_jaccard double, own_jaccard double, numbers_only boolean"
"""Columns of `verify_buckets`: `turn_jaccard` is null where neither text has earlier turns, `own_jaccard` where their
sources have no common shingles."""


def shingle_parts(parts: int) -> Callable[[ArrowBatches], ArrowBatches]:
    """Build the `mapInArrow` function that turns texts into vectors for MinHashLSH.

    The hashes of a text's shingles are cut at the same places for all texts into equal parts of their range, and each
    part is a vector of its own. A band of min-hashes looks at one part: so it costs a part of the work that min-hashes
    of the whole set would, and of two texts every band is still as likely to agree as their sets are similar.

    The function takes rows of (rank, text, threshold, turn_start, source) and gives rows of (rank, threshold, text,
    turn_start, source, set_key, node, features): as many for a text as it has parts with a shingle, and all but the
    first with nulls for all but the last two. Texts with the same shingles, and the same in their last turns, have the
    same set_key, and the same node, a shorter hash of it.
    """

    def shingle(batches: ArrowBatches) -> ArrowBatches:
        for batch in batches:
            texts = batch.column("text").to_pylist()
            for start, end in chunks([len(text) for text in texts], _CHUNK_CHARACTERS):
                yield _parts_of(batch.slice(start, end - start), texts[start:end], parts)

    return shingle


def _parts_of(batch: pa.RecordBatch, texts: list[str], parts: int) -> pa.RecordBatch:
    shingles, bounds = shingle_texts(texts)
    edges = bounds.tolist()
    digests = b"".join(_set_digests(batch, [shingles[a:b] for a, b in pairwise(edges)], texts))
    nodes = np.frombuffer(digests, dtype=np.int64)[::2]
    # A text without a shingle gets one of its own, so that all rows go one way; it meets its copies only.
    silent = np.flatnonzero(np.diff(bounds) == 0)
    owner = np.insert(np.repeat(np.arange(len(texts)), np.diff(bounds)), bounds[silent], silent)
    high = np.insert(shingles, bounds[silent], nodes[silent].view(np.uint64)) >> np.uint64(32)
    index = (high * np.uint64(VECTOR_SIZE) >> np.uint64(32)).astype(np.int32)
    part = owner * parts + (high * np.uint64(parts) >> np.uint64(32)).astype(np.int64)
    is_new = np.ones(owner.size, dtype=np.bool_)
    np.logical_or(part[1:] != part[:-1], index[1:] != index[:-1], out=is_new[1:])
    owner, index, part = owner[is_new], index[is_new], part[is_new]
    starts = np.flatnonzero(np.concatenate((np.ones(min(part.size, 1), dtype=np.bool_), part[1:] != part[:-1])))
    return _vector_rows(batch, digests, nodes, owner[starts], index, starts)


def _vector_rows(
    batch: pa.RecordBatch,
    digests: bytes,
    nodes: Integers,
    owner: Integers,
    index: npt.NDArray[np.int32],
    starts: Integers,
) -> pa.RecordBatch:
    is_first = np.concatenate((np.ones(min(owner.size, 1), dtype=np.bool_), owner[1:] != owner[:-1]))
    once = pa.array(owner, mask=~is_first)
    offsets = pa.array(np.append(starts, index.size).astype(np.int32))
    vectors = pa.StructArray.from_arrays(
        [
            pa.array(np.zeros(owner.size, dtype=np.int8)),
            pa.array(np.full(owner.size, VECTOR_SIZE, dtype=np.int32)),
            pa.ListArray.from_arrays(offsets, pa.array(index)),
            pa.ListArray.from_arrays(offsets, pa.array(np.ones(index.size))),
        ],
        fields=list(_VECTOR),
    )
    keys = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(nodes), [None, pa.py_buffer(digests)])
    columns = {
        "rank": batch.column("rank").take(once),
        "threshold": batch.column("threshold").take(once),
        "text": batch.column("text").take(once),
        "turn_start": batch.column("turn_start").take(once),
        "source": batch.column("source").take(once),
        "set_key": keys.cast(pa.binary()).take(once),
        "node": pa.array(nodes[owner]),
        "features": vectors,
    }
    return pa.record_batch(list(columns.values()), names=list(columns))


def _set_digests(batch: pa.RecordBatch, sets: list[Shingles], texts: list[str]) -> Iterator[bytes]:
    starts = batch.column("turn_start").to_pylist()
    turns = [text[start:] for text, start in zip(texts, starts, strict=True) if start]
    shingles, bounds = shingle_texts(turns)
    of_turns = (_content(shingles[a:b], turn) for (a, b), turn in zip(pairwise(bounds.tolist()), turns, strict=True))
    for of_text, text, start in zip(sets, texts, starts, strict=True):
        whole = _content(of_text, text)
        yield xxhash.xxh3_128_digest(whole + next(of_turns) if start else whole)


def _content(shingles: Shingles, text: str) -> bytes:
    # Without a token the text itself decides: "???" is a copy of "???" and of nothing else.
    if shingles.size:
        return shingles.tobytes()
    return b"text " + "".join(text.split()).encode("utf-8", "surrogatepass")


def drop_lonely(batches: ArrowBatches) -> ArrowBatches:
    """The members of every bucket of two or more, for `mapInArrow`: rows of (bucket, node) to rows of (bucket, node).

    Buckets with the same members get the same new name, so that the caller can drop all but one of them: twins meet
    in most bands.

    Args:
        batches: rows sorted by bucket, all rows of a bucket in this stream; equal rows count once.
    """
    for rows in whole_groups(batches, "bucket", 50 * _CHUNK_ROWS):
        bucket, node = rows.column("bucket").to_numpy(), rows.column("node").to_numpy()
        order = np.lexsort((node, bucket))
        bucket, node = bucket[order], node[order]
        is_new = np.ones(node.size, dtype=np.bool_)
        np.logical_or(bucket[1:] != bucket[:-1], node[1:] != node[:-1], out=is_new[1:])
        bucket, node = bucket[is_new], node[is_new]
        starts = np.flatnonzero(np.concatenate(([True], bucket[1:] != bucket[:-1])))
        sizes = np.diff(starts, append=node.size)
        # Nodes are hashes, so the sum tells one set of members from another; the size guards it once more.
        names = np.add.reduceat(node, starts) * np.int64(0x27D4EB2F165667C5) + sizes
        is_shared = sizes > 1
        _, kept = np.unique(np.where(is_shared, names, 0), return_index=True)
        is_kept = np.zeros(sizes.size, dtype=np.bool_)
        is_kept[kept] = True
        is_kept = np.repeat(is_kept & is_shared, sizes)
        yield pa.record_batch([np.repeat(names, sizes)[is_kept], node[is_kept]], names=["bucket", "node"])


def verify_buckets(most_rows: int, protect_numbers: bool, rules: TwinRules) -> Callable[[ArrowBatches], ArrowBatches]:
    """Build the `mapInArrow` function that compares the rows of each bucket and gives rows of `EDGE`.

    It takes rows of (bucket, rank, threshold, text, turn_start, source) sorted by bucket and rank, all rows of a
    bucket in one partition. Every pair of a bucket comes out whose exact Jaccard similarity reaches the higher of
    their two thresholds and that the rules take for twins, left rank first; a pair that meets in several buckets comes
    out of each. Of a bucket of more rows than `most_rows` the pairs are only those that a walk in the order of ranks
    needs (`udfs.large_buckets`), and where numbers are protected those that differ in more than numbers.
    """

    def verify(batches: ArrowBatches) -> ArrowBatches:
        for rows in whole_groups(batches, "bucket", _CHUNK_ROWS, _CHUNK_CHARACTERS * 8):
            keys = rows.column("bucket").to_numpy()
            starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
            sizes = np.diff(starts, append=keys.size)
            small = np.repeat(sizes <= most_rows, sizes)
            if small.any():
                yield _edges(rows.filter(pa.array(small)), _all_pairs, rules)
            for start, size in zip(starts[sizes > most_rows], sizes[sizes > most_rows], strict=True):
                yield _edges(rows.slice(start, size), partial(pairs_of_walk, protect_numbers=protect_numbers), rules)

    return verify


def _edges(rows: pa.RecordBatch, compare: Callable[[ShingledRows], Found], rules: TwinRules) -> pa.RecordBatch:
    compared = compared_texts(rows)
    keys, thresholds = rows.column("bucket").to_numpy(), rows.column("threshold").to_numpy()
    shingled = ShingledRows.of(keys, thresholds, compared, rules)
    left, right, similarity = compare(shingled)
    return edges_of(shingled, rows.column("rank"), left, right, similarity)


def compared_texts(rows: pa.RecordBatch) -> ComparedTexts:
    """The texts of columns text, turn_start and source."""
    starts = rows.column("turn_start").to_numpy().astype(np.int64)
    return ComparedTexts(rows.column("text").to_pylist(), starts, rows.column("source").to_pylist())


def edges_of(
    rows: ShingledRows, ranks: pa.Array, left: Integers, right: Integers, similarity: Similarities
) -> pa.RecordBatch:
    """Twins as rows of `EDGE`."""
    masks = masked(rows.compared.texts, np.unique(np.concatenate((left, right))))
    of_turns, own = rows.turn_similarity(left, right), rows.own_similarity(left, right)
    columns = {
        "left": ranks.take(pa.array(left)),
        "right": ranks.take(pa.array(right)),
        "jaccard": pa.array(similarity),
        "turn_jaccard": pa.array(of_turns, mask=np.isnan(of_turns)),
        "own_jaccard": pa.array(own, mask=np.isnan(own)),
        "numbers_only": pa.array(masks[left] == masks[right]),
    }
    return pa.record_batch(columns)


def _all_pairs(rows: ShingledRows) -> Found:
    transposed = rows.matrix.T.tocsr()
    found = []
    for start in range(0, rows.sizes.size, _BLOCK_ROWS):
        shared = (rows.matrix[start : start + _BLOCK_ROWS] @ transposed).tocoo()
        left, right = shared.row.astype(np.int64) + start, shared.col.astype(np.int64)
        once = left < right
        found.append(rows.similar(left[once], right[once], shared.data[once]))
    return concatenated(found)


def verify_against(rules: TwinRules) -> Callable[[ArrowBatches], ArrowBatches]:
    """Build the `mapInArrow` function that compares new rows with those of a reference and gives rows of `EDGE`.

    It takes the rows that `verify_buckets` takes with `is_reference`; the left of each pair is a row of the reference
    and the right one is not.
    """

    def verify(batches: ArrowBatches) -> ArrowBatches:
        for rows in whole_groups(batches, "bucket", _CHUNK_ROWS, _CHUNK_CHARACTERS * 8):
            keys, thresholds = rows.column("bucket").to_numpy(), rows.column("threshold").to_numpy()
            shingled = ShingledRows.of(keys, thresholds, compared_texts(rows), rules)
            is_reference = rows.column("is_reference").to_numpy(zero_copy_only=False)
            yield edges_of(shingled, rows.column("rank"), *pairs_across(shingled, is_reference))

    return verify
