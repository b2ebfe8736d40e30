"""Who falls: one walk over the similar pairs in the order of ranks."""

import pyarrow as pa

from udfs.arrow_groups import Batches

FALLEN = "rank string, kept_rank string, jaccard double, numbers_only boolean"
_SCHEMA = pa.schema(
    [("rank", pa.string()), ("kept_rank", pa.string()), ("jaccard", pa.float64()), ("numbers_only", pa.bool_())]
)


def walk(batches: Batches) -> Batches:
    """Rows of `FALLEN`: each row that a better one makes fall that is itself kept, with the best such row.

    Only the ranks of the fallen are held in memory; a pair is looked at once, when all that is better is decided.

    Args:
        batches: all similar pairs, columns loser, winner, jaccard and numbers_only, sorted by the first two.
    """
    fallen: set[str] = set()
    for batch in batches:
        losers, winners = batch.column("loser").to_pylist(), batch.column("winner").to_pylist()
        falls = []
        for place, (loser, winner) in enumerate(zip(losers, winners, strict=True)):
            if winner not in fallen and loser not in fallen:
                fallen.add(loser)
                falls.append(place)
        decisive = batch.select(["loser", "winner", "jaccard", "numbers_only"]).take(pa.array(falls, pa.int64()))
        yield pa.RecordBatch.from_arrays(decisive.columns, schema=_SCHEMA)
