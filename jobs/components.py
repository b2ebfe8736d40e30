"""Connected components of a graph that is a table of edges, in rounds of joins on ids.

Large and small stars in turn (Kiveris et al. 2014, "Connected Components in MapReduce and Beyond"): every node is
hung under ever smaller neighbours until each hangs under the smallest node of its component. The number of rounds
grows with the logarithm of the size, not with the diameter, so a long chain of near-duplicates is no worst case.
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.near_duplicates import Materialise


def connected_components(edges: DataFrame, materialise: Materialise) -> DataFrame:
    """Name the component of every node that has an edge.

    Args:
        edges: string columns left and right; direction, repetition and loops make no difference.
        materialise: stores a frame under a name and gives back a frame that reads it.

    Returns:
        Columns node and component, the smallest node it is connected with; a node for itself included.
    """
    ends = edges.where("left != right").select(
        F.greatest("left", "right").alias("node"), F.least("left", "right").alias("parent")
    )
    links = materialise(ends.distinct(), "links_0")
    rounds = 0
    while not _all_stars(links):
        rounds += 1
        links = materialise(small_star(large_star(links)), f"links_{rounds}")
    roots = links.select(F.col("parent").alias("node"), F.col("parent").alias("component")).distinct()
    return links.withColumnRenamed("parent", "component").unionByName(roots)


def large_star(links: DataFrame) -> DataFrame:
    """Hang the larger neighbours of every node under the smallest of its neighbours and itself.

    Args:
        links: columns node and parent, the parent being smaller.
    """
    both = links.unionByName(links.select(F.col("parent").alias("node"), F.col("node").alias("parent")))
    least = both.groupBy("node").agg(F.least(F.min("parent"), F.col("node")).alias("least"))
    larger = both.where("parent > node").join(least, "node")
    return larger.select(F.col("parent").alias("node"), F.col("least").alias("parent")).distinct()


def small_star(links: DataFrame) -> DataFrame:
    """Hang every node and its parents under the smallest of the parents; `links` as for `large_star`."""
    least = links.groupBy("node").agg(F.min("parent").alias("least"))
    others = links.join(least, "node").where("parent != least").select(F.col("parent").alias("node"), "least")
    return least.unionByName(others).distinct().withColumnRenamed("least", "parent")


def _all_stars(links: DataFrame) -> bool:
    """Whether every node hangs under one node, which itself hangs under none."""
    divided = links.groupBy("node").count().where("count > 1").select("node")
    chained = links.select(F.col("parent").alias("node")).join(links.select("node"), "node", "left_semi")
    return divided.unionByName(chained).isEmpty()
