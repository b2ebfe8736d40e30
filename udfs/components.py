"""Connected components of a graph of numbered nodes, in memory that grows with its nodes and not with its edges."""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

Nodes = npt.NDArray[np.integer]

# With so many edges gathered they are replaced by those from each node to its component, which are no more than nodes.
_GATHERED_EDGES = 4_000_000


def components_of(edges: Iterable[tuple[Nodes, Nodes]], nodes: int) -> Nodes:
    """The smallest node that each node is connected with, itself included; shape (nodes,).

    Args:
        edges: arrays of their two ends, a part of the edges at a time; direction, repetition and loops make no
            difference.
        nodes: how many there are, numbered from 0.
    """
    component: Nodes = np.arange(nodes)
    gathered: list[tuple[Nodes, Nodes]] = []
    for ends in edges:
        gathered.append(ends)
        if sum(left.size for left, _ in gathered) >= _GATHERED_EDGES:
            component, gathered = _joined(component, gathered), []
    return _joined(component, gathered)


def _joined(component: Nodes, edges: Sequence[tuple[Nodes, Nodes]]) -> Nodes:
    """The components when these edges are added."""
    nodes = np.arange(component.size)
    left = np.concatenate([nodes, *(left for left, _ in edges)])
    right = np.concatenate([component, *(right for _, right in edges)])
    graph = coo_matrix((np.ones(left.size, dtype=bool), (left, right)), shape=(nodes.size, nodes.size))
    labels: Nodes = connected_components(graph, directed=False)[1]
    smallest: Nodes = np.unique(labels, return_index=True)[1]
    return smallest[labels]
