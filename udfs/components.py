"""Connected components of a graph that is a stream of edges, in memory that grows with its nodes."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from udfs.arrow_groups import ArrowBatches

Nodes = npt.NDArray[np.int64]

STARS = "node long, component long"
# With so many edges gathered they are replaced by those from each node to its component, which are no more than nodes.
_GATHERED_EDGES = 4_000_000


def label_components(batches: ArrowBatches) -> ArrowBatches:
    """Rows of `STARS`: every node with the smallest node of its component.

    Args:
        batches: all edges of the graph, columns left and right (64-bit integers); direction, repetition and loops
            make no difference.
    """
    lefts: list[Nodes] = []
    rights: list[Nodes] = []
    gathered = 0
    for batch in batches:
        lefts.append(batch.column("left").to_numpy())
        rights.append(batch.column("right").to_numpy())
        gathered += batch.num_rows
        if gathered >= _GATHERED_EDGES:
            stars = stars_of(np.concatenate(lefts), np.concatenate(rights))
            lefts, rights, gathered = [stars[0]], [stars[1]], 0
    if lefts:
        stars = stars_of(np.concatenate(lefts), np.concatenate(rights))
        yield pa.record_batch(list(stars), names=["node", "component"])


def stars_of(left: Nodes, right: Nodes) -> tuple[Nodes, Nodes]:
    """The nodes of these edges, sorted, and for each the smallest that it is connected with."""
    nodes, places = np.unique(np.concatenate([left, right]), return_inverse=True)
    ends = places[: left.size], places[left.size :]
    graph = coo_matrix((np.ones(left.size, dtype=bool), ends), shape=(nodes.size, nodes.size))
    labels = connected_components(graph, directed=False)[1]
    first = np.unique(labels, return_index=True)[1]
    return nodes, nodes[first[labels]]
