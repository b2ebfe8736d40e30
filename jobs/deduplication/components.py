"""Connected components of a graph that is a table of edges."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from udfs.components import STARS, label_components


def connected_components(edges: DataFrame) -> DataFrame:
    """Name the component of every node that has an edge.

    One task sees all edges, as 64-bit hashes of their ends. That is quicker than rounds of joins for anything that
    fits into one package, and should two hashes of n nodes ever be equal (n² / 2⁶⁵) two components become one.

    Args:
        edges: string columns left and right; direction, repetition and loops make no difference.

    Returns:
        Columns node and component, the smallest node it is connected with; a node for itself included.
    """
    ends = edges.select(F.xxhash64("left").alias("left"), F.xxhash64("right").alias("right"))
    labels = ends.repartition(1).mapInArrow(label_components, STARS)
    names = edges.select(F.col("left").alias("name")).union(edges.select("right")).distinct()
    named = names.withColumn("node", F.xxhash64("name")).join(labels, "node")
    smallest = F.min("name").over(Window.partitionBy("component"))
    return named.select(F.col("name").alias("node"), smallest.alias("component"))
