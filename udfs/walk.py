"""Who falls: one walk over the similar pairs in the order of ranks."""

import pyarrow as pa

from udfs.arrow_groups import ArrowBatches

FALLEN = "rank string, kept_rank string, jaccard double, turn_jaccard double, own_jaccard double, numbers_only boolean"
_PROOF = [("jaccard", pa.float64()), ("turn_jaccard", pa.float64()), ("own_jaccard", pa.float64())]
_SCHEMA = pa.schema([("rank", pa.string()), ("kept_rank", pa.string()), *_PROOF, ("numbers_only", pa.bool_())])
_EDGE_COLUMNS = ["loser", "winner", *(name for name, _ in _PROOF), "numbers_only"]


def walk(batches: ArrowBatches) -> ArrowBatches:
    """Rows of `FALLEN`: each row that a better one makes fall that is itself kept, with the best such row.

    Only the ranks of the fallen are held in memory; a pair is looked at once, when all that is better is decided.

    Args:
        batches: all similar pairs, the columns of `EDGE` with loser and winner for right and left, sorted by these two.
    """
    fallen: set[str] = set()
    for batch in batches:
        losers, winners = batch.column("loser").to_pylist(), batch.column("winner").to_pylist()
        falls = []
        for place, (loser, winner) in enumerate(zip(losers, winners, strict=True)):
            if winner not in fallen and loser not in fallen:
                fallen.add(loser)
                falls.append(place)
        decisive = batch.select(_EDGE_COLUMNS).take(pa.array(falls, pa.int64()))
        yield pa.RecordBatch.from_arrays(decisive.columns, schema=_SCHEMA)
