"""Executor side of near-duplicate search: shingle texts, and verify the pairs of each bucket."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash
from pyspark.ml.linalg import VectorUDT
from pyspark.sql.types import (
    ArrayType,
    BooleanType,
    DoubleType,
    IntegerType,
    LongType,
    StringType,
    StructField,
    StructType,
)
from scipy.sparse import csr_matrix

from udfs.arrow_groups import Batches, whole_groups
from udfs.shingles import numbers_masked, shingle_tokens, tokenise

# MinHashLSH hashes (1 + index) modulo this prime, so no index may reach it.
_VECTOR_SIZE = 2_038_074_742
# Members of a bucket verified at once: 2,000 rows against 2,000 is 4 million counts, 48 MB at most.
_BLOCK_ROWS = 2_000
_CHUNK_ROWS = 20_000

SHINGLED = StructType(
    [
        StructField("rank", StringType()),
        StructField("threshold", DoubleType()),
        StructField("set_key", StringType()),  # equal for texts with the same shingle set
        StructField("numbers_key", LongType()),  # equal for texts that differ only in numbers
        StructField("size", IntegerType()),
        StructField("shingles", ArrayType(LongType())),
        StructField("features", VectorUDT()),  # null without a shingle: MinHashLSH refuses an empty vector
    ]
)
EDGE = StructType(
    [
        StructField("left", StringType()),
        StructField("right", StringType()),
        StructField("jaccard", DoubleType()),
        StructField("numbers_only", BooleanType()),
    ]
)

_VECTOR = pa.struct(
    [("type", pa.int8()), ("size", pa.int32()), ("indices", pa.list_(pa.int32())), ("values", pa.list_(pa.float64()))]
)


def shingle_rows(batches: Batches) -> Batches:
    """Turn rows of (rank, text, threshold) into rows of `SHINGLED`; for `mapInArrow`."""
    for batch in batches:
        keys, numbers, sets, vectors = [], [], [], []
        for text in batch.column("text").to_pylist():
            tokens = tokenise(text)
            shingles = shingle_tokens(tokens)
            # Without a token the text itself decides: "???" is a copy of "???" and of nothing else.
            content = shingles.tobytes() if tokens else "".join(text.split()).encode("utf-8", "surrogatepass")
            keys.append(xxhash.xxh3_128_hexdigest(content))
            numbers.append(np.uint64(numbers_masked(tokens)).astype(np.int64))
            sets.append(shingles.view(np.int64))
            vectors.append(_sparse_vector(shingles))
        yield pa.record_batch(
            [
                batch.column("rank"),
                batch.column("threshold"),
                pa.array(keys, pa.string()),
                pa.array(numbers, pa.int64()),
                pa.array([s.size for s in sets], pa.int32()),
                pa.array(sets, pa.list_(pa.int64())),
                pa.array(vectors, _VECTOR),
            ],
            names=SHINGLED.fieldNames(),
        )


def _sparse_vector(shingles: npt.NDArray[np.uint64]) -> dict[str, object] | None:
    if not shingles.size:
        return None
    indices = np.unique(shingles % np.uint64(_VECTOR_SIZE)).astype(np.int32)
    return {"type": 0, "size": _VECTOR_SIZE, "indices": indices, "values": np.ones(indices.size)}


def verify_buckets() -> Callable[[Batches], Batches]:
    """Build the `mapInArrow` function that compares all rows of each bucket.

    It expects rows of (key, rank, threshold, numbers_key, size, shingles) sorted by key, all rows of a
    key in one partition, and yields rows of `EDGE`: every pair of a bucket whose exact Jaccard similarity
    reaches the higher of their two thresholds. A pair that meets in several buckets comes out of each.
    """

    def verify(batches: Batches) -> Batches:
        for bucket_rows in whole_groups(batches, "key", _CHUNK_ROWS):
            yield from _similar_rows(bucket_rows)

    return verify


def _similar_rows(rows: pa.RecordBatch) -> Batches:
    keys = rows.column("key").to_numpy()
    bucket = np.cumsum(np.r_[False, keys[1:] != keys[:-1]])
    lists = rows.column("shingles")
    offsets = np.asarray(lists.offsets, dtype=np.int64)
    sizes = np.diff(offsets)
    shingles = np.asarray(lists.values, dtype=np.int64)[offsets[0] : offsets[-1]]
    # A shingle of one bucket is another column than the same shingle of the next, so that one sparse
    # product counts what the rows of every bucket share, and nothing across buckets.
    mixed = shingles ^ np.repeat(bucket.astype(np.int64) * np.int64(0x27D4EB2F165667C5), sizes)
    columns, column = np.unique(mixed, return_inverse=True)
    matrix = csr_matrix(
        (np.ones(column.size, dtype=np.int32), column, offsets - offsets[0]), shape=(rows.num_rows, columns.size)
    )
    transposed = matrix.T.tocsr()
    thresholds = rows.column("threshold").to_numpy()
    numbers = rows.column("numbers_key").to_numpy()
    ranks = rows.column("rank")
    for start in range(0, rows.num_rows, _BLOCK_ROWS):
        shared = (matrix[start : start + _BLOCK_ROWS] @ transposed).tocoo()
        left, right = shared.row.astype(np.int64) + start, shared.col.astype(np.int64)
        once = left < right
        left, right, common = left[once], right[once], shared.data[once]
        similarity = common / (sizes[left] + sizes[right] - common)
        near = similarity >= np.maximum(thresholds[left], thresholds[right])
        left, right = left[near], right[near]
        yield pa.record_batch(
            [
                ranks.take(pa.array(left)),
                ranks.take(pa.array(right)),
                pa.array(similarity[near]),
                pa.array(numbers[left] == numbers[right]),
            ],
            names=EDGE.fieldNames(),
        )
