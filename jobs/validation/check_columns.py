"""What Great Expectations is shown of a table: its key, its small columns, and facts about its texts.

The texts stay behind. Stored results and data docs are read by people and kept for long, so no suite
sees a column with dataset text; it sees `instruction_is_blank`. The facts of one table are computed in
one narrow frame, which lets the library gather nearly a whole suite in a single aggregation.
"""

from collections.abc import Mapping
from functools import reduce
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window

from schemas.records import CATEGORIES
from schemas.tables import (
    ASSIGNMENTS,
    CONTAMINATION,
    DATASET,
    DUPLICATES,
    EXAMPLES,
    PAIRS,
    RAW_RECORDS,
    REVIEWS,
    SCORES,
    SCREEN,
    SELECTION,
    Table,
)

Related = Mapping[str, DataFrame]


def with_check_columns(table: Table, rows: DataFrame, parameters: Mapping[str, Any], related: Related) -> DataFrame:
    """Make the frame that a table's suite is run on.

    Args:
        table: whose rows they are.
        rows: rows of that table.
        parameters: of the run; only `max_source_loss` is used here.
        related: other tables by name; the columns that compare with an absent one are left out.

    Returns:
        One row for each row given: the key, `key_is_complete`, `key_copies` (rows with this key) and the
        table's own columns, each named for what is true when it holds. Conditions are never null.
    """
    checks = _CHECKS[table.name](rows.select("*", _key_is_complete(table)), related)
    if table is DUPLICATES and "source" in checks.columns:
        checks = _with_source_loss(checks, parameters.get("max_source_loss"))
    return checks.withColumn("key_copies", F.count(F.lit(1)).over(Window.partitionBy(*table.key)))


def _raw_records(records: DataFrame, related: Related) -> DataFrame:
    is_refused = F.col("outcome").eqNullSafe("refused")
    is_used = F.col("outcome").eqNullSafe("used")
    has_drafts = F.coalesce(F.size("drafts"), F.lit(0)) > 0
    return records.select(
        *RAW_RECORDS.key,
        "key_is_complete",
        _named("outcome"),
        is_refused.alias("is_refused"),
        (is_refused == _is_given("reason")).alias("reason_fits_outcome"),
        (is_used == has_drafts).alias("drafts_fit_outcome"),
    )


def _examples(examples: DataFrame, related: Related) -> DataFrame:
    return examples.select(
        F.coalesce("example_id", F.lit("")).alias("example_id"),
        "key_is_complete",
        _is_blank("instruction").alias("instruction_is_blank"),
        (F.col("reference_response").isNotNull() & _is_blank("reference_response")).alias("response_is_blank"),
        _is_given("licence").alias("licence_is_given"),
        _named("category"),
        _named("source"),
        _number("copies"),
        F.coalesce(F.size("records") == F.col("copies"), F.lit(False)).alias("copies_match_records"),
        "human_quality",
    )


def _screen(marks: DataFrame, related: Related) -> DataFrame:
    checks = marks.select(
        *SCREEN.key,
        "key_is_complete",
        _named("effect"),
        F.when(F.col("effect") == "exclude", F.col("id")).alias("excluded_id"),
    )
    return _with_known(checks, "id", _members(related).select("id"), "id_is_known") if "examples" in related else checks


def _contamination(marks: DataFrame, related: Related) -> DataFrame:
    checks = marks.select(
        *CONTAMINATION.key,
        "key_is_complete",
        _named("effect"),
        F.coalesce("share", F.lit(-1.0)).alias("share"),
        F.coalesce(F.col("tokens") <= F.col("item_tokens"), F.lit(False)).alias("run_is_within_item"),
        (_is_given("span") & _is_given("item_text")).alias("both_sides_are_given"),
    )
    if "examples" in related:
        checks = _with_known(checks, "example_id", related["examples"].select("example_id"), "example_is_known")
    if "benchmarks" in related:
        checks = _with_known(checks, "benchmark", related["benchmarks"].select("benchmark"), "benchmark_is_known")
    return checks


def _duplicates(duplicates: DataFrame, related: Related) -> DataFrame:
    checks = duplicates.select(
        *DUPLICATES.key,
        "key_is_complete",
        "duplicate_of",
        F.coalesce("jaccard", F.lit(-1.0)).alias("jaccard"),
        *(F.coalesce(name, F.lit(1.0)).alias(name) for name in ("turn_jaccard", "own_jaccard")),  # null: not asked
        (~F.col("id").eqNullSafe(F.col("duplicate_of"))).alias("twin_is_another_row"),
        F.col("reference_text").isNotNull().alias("is_published"),
    )
    removed = duplicates.select("pass", F.col("id").alias("duplicate_of")).distinct()
    checks = checks.join(removed.withColumn("_removed", F.lit(True)), on=["pass", "duplicate_of"], how="left")
    checks = checks.withColumn("twin_is_kept", F.col("_removed").isNull()).drop("_removed")
    if "examples" not in related:
        return checks.drop("is_published")
    members = _members(related)
    source_rows = F.count(F.lit(1)).over(Window.partitionBy("pass", "source"))
    known = members.withColumn("source_rows", source_rows).withColumn("_known", F.lit(True))
    twins = members.select("pass", F.col("id").alias("duplicate_of")).withColumn("_twin_known", F.lit(True))
    joined = checks.join(known, on=["pass", "id"], how="left").join(twins, on=["pass", "duplicate_of"], how="left")
    both_known = F.col("_known").isNotNull() & (F.col("_twin_known").isNotNull() | F.col("is_published"))
    return joined.withColumn("both_are_known", both_known).drop("_known", "_twin_known", "is_published")


def _with_source_loss(checks: DataFrame, max_source_loss: float | None) -> DataFrame:
    """Add `source_loses_too_much`, and `source_loss` in words.

    It is about the distinct rows of this row's source: whether the pass removes more than the allowed share of them.
    Copies, at Jaccard 1.0, are twins at any threshold and so no reason to look at it; a source may hold nothing else.
    """
    source = Window.partitionBy("pass", "source")
    is_copy = F.col("jaccard") >= 1.0
    near = F.count_if(~is_copy).over(source)
    distinct = F.col("source_rows") - F.count_if(is_copy).over(source)
    loses = F.try_divide(near, distinct) > F.lit(1.0 if max_source_loss is None else max_source_loss)
    words = F.format_string("%,d of %,d distinct rows", near, distinct)
    return (
        checks.withColumn("source_loss", words)
        .withColumn("source_loses_too_much", F.coalesce(loses, F.lit(False)))
        .drop("source_rows")
    )


def _assignments(assignments: DataFrame, related: Related) -> DataFrame:
    is_public = F.col("actual_teacher").eqNullSafe("public")
    checks = assignments.select(
        *ASSIGNMENTS.key,
        "key_is_complete",
        _named("requested_teacher"),
        _named("actual_teacher"),
        (is_public == F.col("request_id").isNull()).alias("request_fits_teacher"),
    )
    if "examples" in related:
        checks = _with_known(checks, "example_id", related["examples"].select("example_id"), "example_is_known")
    if {"screen", "duplicates"} <= related.keys():
        marked = related["screen"].where("target = 'prompt' and effect = 'exclude'").select("id")
        removed = related["duplicates"].where("pass = 'prompt'").select("id")
        if "contamination" in related:
            removed = removed.union(related["contamination"].where("effect = 'exclude'").select("example_id"))
        checks = _with_known(checks, "example_id", marked.union(removed), "example_is_removed")
    return checks


def _pairs(pairs: DataFrame, related: Related) -> DataFrame:
    is_public = F.col("teacher").eqNullSafe("public")
    names_its_source = F.col("request_id").isNull() & F.col("answered_by").eqNullSafe(F.col("source"))
    checks = pairs.select(
        *PAIRS.key,
        "key_is_complete",
        "example_id",
        _is_blank("instruction").alias("instruction_is_blank"),
        _is_blank("response").alias("response_is_blank"),
        _is_given("answered_by").alias("author_is_named"),
        (~is_public | names_its_source).alias("public_answer_names_its_source"),
        _is_given("licence").alias("licence_is_given"),
        _named("category"),
        _named("teacher"),
    )
    if "examples" in related:
        checks = _with_known(checks, "example_id", related["examples"].select("example_id"), "example_is_known")
    return checks


def _scores(scores: DataFrame, related: Related) -> DataFrame:
    values = F.map_values("dimensions")
    extremes = (F.array_min(values) == F.col("lowest_dimension")) & (F.array_max(values) == F.col("highest_dimension"))
    within = F.col("quality_tenths").between(F.col("lowest_dimension") * 10, F.col("highest_dimension") * 10)
    # A predicted score is of the whole; of dimensions nothing was learnt. Null is passed over.
    is_predicted = F.coalesce(F.col("scorer") == "distilled", F.lit(False))
    in_interval = F.col("quality_tenths").between(F.col("low_tenths"), F.col("high_tenths"))
    has_origin = in_interval & (F.col("quality_tenths") == F.col("predicted_tenths")) & F.col("model").isNotNull()
    checks = scores.select(
        *SCORES.key,
        "key_is_complete",
        _named("scorer"),
        F.when(~is_predicted, F.coalesce(F.size("dimensions"), F.lit(0))).alias("dimension_count"),
        *(F.when(~is_predicted, _or_zero(name)).alias(name) for name in ("lowest_dimension", "highest_dimension")),
        _number("quality_tenths"),
        F.coalesce(extremes, is_predicted, F.lit(False)).alias("extremes_match_dimensions"),
        F.coalesce(within, is_predicted, F.lit(False)).alias("quality_is_within_dimensions"),
        (~is_predicted | F.coalesce(has_origin, F.lit(False))).alias("prediction_has_an_interval"),
        _is_given("reason").alias("reason_is_given"),
    )
    return _with_pair_is_known(checks, related)


def _reviews(reviews: DataFrame, related: Related) -> DataFrame:
    checks = reviews.select(
        *REVIEWS.key,
        "key_is_complete",
        _named("verdict"),
        _is_given("reviewer").alias("reviewer_is_given"),
    )
    return _with_pair_is_known(checks, related)


def _selection(selection: DataFrame, related: Related) -> DataFrame:
    is_selected = F.col("reason").isNull()
    checks = selection.select(
        *SELECTION.key,
        "key_is_complete",
        _named("category"),
        "reason",
        (F.col("reason").isNotNull() & _is_blank("reason")).alias("reason_is_blank"),
        is_selected.cast("int").alias("is_selected"),
        F.when(is_selected, _or_zero("quality_tenths")).alias("selected_quality_tenths"),
    )
    return _with_pair_is_known(checks, related)


def _dataset(dataset: DataFrame, related: Related) -> DataFrame:
    text = F.xxhash64("instruction", "response")
    checks = dataset.select(
        *DATASET.key,
        "key_is_complete",
        "example_id",
        text.alias("text_hash"),
        _is_blank("instruction").alias("instruction_is_blank"),
        _is_blank("response").alias("response_is_blank"),
        _number("quality_tenths"),
        _named("category"),
        _is_given("source").alias("source_is_given"),
        _named("licence"),
        _is_given("licence").alias("licence_is_given"),
        "teacher",
        *(F.col("category").eqNullSafe(name).cast("double").alias(f"share_of_{name}") for name in CATEGORIES),
    )
    if "selection" in related:
        selected = related["selection"].where("reason is null").select("pair_id")
        checks = _with_known(checks, "pair_id", selected, "pair_is_selected")
    for column, copies in (("example_id", "example_copies"), ("text_hash", "text_copies")):
        checks = checks.withColumn(copies, F.count(F.lit(1)).over(Window.partitionBy(column)))
    return checks.drop("text_hash")


_CHECKS = {
    RAW_RECORDS.name: _raw_records,
    EXAMPLES.name: _examples,
    SCREEN.name: _screen,
    CONTAMINATION.name: _contamination,
    DUPLICATES.name: _duplicates,
    ASSIGNMENTS.name: _assignments,
    PAIRS.name: _pairs,
    SCORES.name: _scores,
    REVIEWS.name: _reviews,
    SELECTION.name: _selection,
    DATASET.name: _dataset,
}


def _key_is_complete(table: Table) -> Column:
    return reduce(Column.__and__, [F.col(name).isNotNull() for name in table.key]).alias("key_is_complete")


def _is_given(column: str) -> Column:
    return ~_is_blank(column)


def _is_blank(column: str) -> Column:
    # `trim` alone takes only spaces off; a text of newlines or no-break spaces is as empty.
    return F.coalesce(F.col(column).rlike(r"(?U)\A\s*\z"), F.lit(True))


def _named(column: str) -> Column:
    # The library passes over nulls, so an absent name must be a name that no set holds.
    return F.coalesce(F.col(column), F.lit("(missing)")).alias(column)


def _or_zero(column: str) -> Column:
    return F.coalesce(F.col(column), F.lit(0))


def _number(column: str) -> Column:
    # As above: null becomes zero, which every range of these columns excludes.
    return _or_zero(column).alias(column)


def _members(related: Related) -> DataFrame:
    """Every row that a pass may remove: `pass`, `id`, `source`."""
    prompts = related["examples"].select(F.lit("prompt").alias("pass"), F.col("example_id").alias("id"), "source")
    if "pairs" not in related:
        return prompts
    return prompts.union(related["pairs"].select(F.lit("pair").alias("pass"), F.col("pair_id").alias("id"), "source"))


def _with_pair_is_known(rows: DataFrame, related: Related) -> DataFrame:
    if "pairs" not in related:
        return rows
    return _with_known(rows, "pair_id", related["pairs"].select("pair_id"), "pair_is_known")


def _with_known(rows: DataFrame, column: str, ids: DataFrame, flag: str) -> DataFrame:
    known = ids.toDF(column).distinct().withColumn(flag, F.lit(True))
    return rows.join(known, on=column, how="left").withColumn(flag, F.coalesce(flag, F.lit(False)))
