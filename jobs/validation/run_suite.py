"""Run one table's expectation suite with Great Expectations and keep the result for the data docs.

The context is a folder, `<workspace>/gx`, so results of earlier runs stay readable. Nothing of it needs
the network, a cached frame or a Spark setting. Two queries keep it cheap: the library gathers the counts of
a whole suite in one aggregation, and a second query names rows, only where something has failed.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window

from jobs.validation.check_columns import with_check_columns
from jobs.validation.data_docs import SITE, WHOLE_FILES, site_config
from jobs.validation.suite_metrics import Counted, count_suite
from jobs.validation.suites import ExpectationSpec, Skipped, Suite, fill_suite, load_suite
from jobs.workspace.machine_errors import root_cause
from schemas.errors import ConfigError
from schemas.tables import Table
from udfs.column_functions import first_rows

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuite, ExpectationSuiteValidationResult, ExpectationValidationResult
    from great_expectations.core.run_identifier import RunIdentifier
    from great_expectations.data_context.data_context.file_data_context import FileDataContext
    from great_expectations.datasource.fluent.interfaces import Batch

MAX_IDS = 20
_DATA_SOURCE = "tables"
_NO_TABLES: Mapping[str, DataFrame] = MappingProxyType({})


@dataclass(frozen=True)
class CheckResult:
    """What became of one expectation."""

    name: str
    description: str
    headline: str  # the description, or where it failed what is wrong
    reason: str
    critical: bool
    passed: bool
    observed: str
    unexpected_count: int | None
    element_count: int | None
    offending_ids: tuple[str, ...]  # at most MAX_IDS; parts are joined by " / "


@dataclass(frozen=True)
class SuiteResult:
    """What became of a suite: `passed` means that no critical expectation failed."""

    table: str
    title: str  # of the suite, as a person reads it
    passed: bool
    checks: tuple[CheckResult, ...]
    skipped: tuple[Skipped, ...]


def open_context(workspace: Path) -> "FileDataContext":
    """Open the context of a workspace, or make it: `gx/` for suites and results, `data_docs/` for the site."""
    import great_expectations
    from great_expectations.data_context.types.base import ProgressBarsConfig

    # It reports each metric it resolves and each page it renders; what failed comes back as a result.
    logging.getLogger("great_expectations").setLevel(logging.CRITICAL)
    _remove_torn_results(workspace)
    context = great_expectations.get_context(mode="file", project_root_dir=workspace)
    site = site_config()
    if context.list_data_docs_sites().get(SITE) != site:
        context.variables.stores = _with_whole_files(context.variables.stores or {})
        context.enable_analytics(False)
        context.variables.progress_bars = ProgressBarsConfig(globally=False)
        context.update_data_docs_site(SITE, site)
        context.variables.save()
        context = great_expectations.get_context(mode="file", project_root_dir=workspace)
    return context


def _with_whole_files(stores: Mapping[str, Any]) -> dict[str, Any]:
    """The stores of a context, those that a run writes to with our own way to write."""
    ours = ("expectations_store", "validation_results_store")
    return {
        name: {**store, "store_backend": {**store["store_backend"], **WHOLE_FILES}} if name in ours else store
        for name, store in stores.items()
    }


def _remove_torn_results(workspace: Path) -> None:
    """Take away what an earlier version left of a result where the disk was full: nothing can be read beside it."""
    for path in (workspace / "gx").rglob("*.json"):
        try:
            json.loads(path.read_bytes())
        except ValueError:
            path.unlink()


def validate_table(
    context: "FileDataContext",
    table: Table,
    rows: DataFrame,
    run_id: str,
    run_time: datetime,
    parameters: Mapping[str, Any],
    related: Mapping[str, DataFrame] = _NO_TABLES,
) -> SuiteResult:
    """Run the suite of `table` on its rows and store the result under the run.

    Args:
        context: of the workspace.
        table: which has a suite under `conf/expectations`.
        rows: all rows of the table, best read back from storage: they are read again where something fails.
        run_id: under which the data docs list the result.
        run_time: of the run, with a time zone; the same for all stages of a run.
        parameters: the values its suite asks for; the head of each YAML file lists them.
        related: other tables by name, to compare ids with.

    Raises:
        SchemaMismatchError: a column of the table is missing or has another type.
        ConfigError: the suite asks for an unknown parameter, or one of its expectations cannot be run.
    """
    from great_expectations.core.run_identifier import RunIdentifier

    suite = fill_suite(table.name, load_suite(table.name), parameters, frozenset(related))
    checks = with_check_columns(table, table.select_from(rows), parameters, related)
    published = context.suites.add_or_update(_gx_suite(suite))
    batch = _batch(context, table.name, checks)
    counted = _count(table, batch, published)
    results = {str(_config(result).meta["name"]): result for result in counted.outcome.results}
    failed = [spec for spec in suite.expectations if not results[spec.name].success]
    ids = _offending_ids(table, checks, failed, counted.conditions)
    checked = tuple(_check_result(spec, results[spec.name], ids.get(spec.name, ())) for spec in suite.expectations)
    passed = all(check.passed for check in checked if check.critical)
    result = SuiteResult(table.name, suite.title, passed, checked, suite.skipped)
    _store(context, counted.outcome, batch.id, result, RunIdentifier(run_name=run_id, run_time=run_time))
    return result


def _gx_suite(suite: Suite) -> "ExpectationSuite":
    from great_expectations.core import ExpectationSuite

    return ExpectationSuite(
        name=suite.name,
        expectations=[_gx_expectation(suite.table, spec) for spec in suite.expectations],
    )


def _gx_expectation(table: str, spec: ExpectationSpec) -> Any:
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
    from great_expectations.expectations.metadata_types import FailureSeverity

    try:
        return ExpectationConfiguration(
            type=spec.expectation,
            kwargs=dict(spec.kwargs),
            description=spec.description,
            severity=FailureSeverity.CRITICAL if spec.critical else FailureSeverity.WARNING,
            meta={"name": spec.name, "notes": spec.reason},
        ).to_domain_obj()
    except Exception as error:
        raise ConfigError(f"conf/expectations/{table}.yaml: {spec.name}: {error}") from error


def _batch(context: "FileDataContext", table: str, checks: DataFrame) -> "Batch":
    # Without `persist=False` the library caches every frame and never lets go of it.
    source = context.data_sources.add_or_update_spark(name=_DATA_SOURCE, persist=False)
    asset = source.add_dataframe_asset(name=table)
    return asset.add_batch_definition_whole_dataframe("all rows").get_batch({"dataframe": checks})


def _count(table: Table, batch: "Batch", suite: "ExpectationSuite") -> Counted:
    from great_expectations.exceptions.exceptions import GreatExpectationsError

    try:
        return count_suite(batch, suite)
    except GreatExpectationsError as error:
        raise ConfigError(f"conf/expectations/{table.name}.yaml could not be run: {root_cause(str(error))}") from error


def _offending_ids(
    table: Table, checks: DataFrame, failed: Sequence[ExpectationSpec], conditions: Mapping[str, Column]
) -> dict[str, tuple[str, ...]]:
    """Name the first rows, in the order of their ids, that each failed expectation objects to.

    The library would ask two queries for each expectation; its own row conditions in one query give the
    same rows, and the same ones each time.
    """
    marks = [
        F.when(conditions[spec.name], F.struct(F.lit(spec.name).alias("name"), _id(spec.named_by or table.key)))
        for spec in failed
        if spec.name in conditions
    ]
    if not marks:
        return {}
    offenders = checks.select(F.explode(F.array_compact(F.array(*marks))).alias("mark")).select("mark.*").distinct()
    ids: dict[str, list[str]] = {}
    for row in first_rows(offenders, Window.partitionBy("name").orderBy("id"), MAX_IDS).collect():
        ids.setdefault(row["name"], []).append(row["id"])
    return {name: tuple(sorted(found)) for name, found in ids.items()}


def _id(columns: Sequence[str]) -> Column:
    parts = [F.coalesce(F.col(column).cast("string"), F.lit("null")) for column in columns]
    return F.concat_ws(" / ", *parts).alias("id")


def _config(result: "ExpectationValidationResult") -> Any:
    return result.expectation_config  # null only for results that no suite was run for


def _check_result(spec: ExpectationSpec, result: "ExpectationValidationResult", ids: tuple[str, ...]) -> CheckResult:
    counts = result.result
    if "element_count" in counts:
        # Over no rows at all a sum is null, and so is the library's count.
        unexpected, elements = counts["unexpected_count"] or 0, counts["element_count"]
        observed = f"{unexpected:,} of {elements:,} rows fail"
    else:
        unexpected = elements = None
        observed = _readable(counts["observed_value"])
    if ids and spec.named_by:  # the rows are not what it is about: groups of them are, by their own figures
        observed = "; ".join(ids)
    passed = bool(result.success)
    headline = spec.description if passed else spec.otherwise or f"Not met: {spec.description}"
    return CheckResult(
        spec.name, spec.description, headline, spec.reason, spec.critical, passed, observed, unexpected, elements, ids
    )


def _readable(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, list):
        return ", ".join(str(item) for item in value) or "none"
    if isinstance(value, float):
        return f"{value:,.4f}".rstrip("0").rstrip(".")
    return f"{value:,}" if isinstance(value, int) else str(value)


def _store(
    context: "FileDataContext",
    outcome: "ExpectationSuiteValidationResult",
    batch_id: str,
    result: SuiteResult,
    run: "RunIdentifier",
) -> None:
    from great_expectations.data_context.types.resource_identifiers import (
        ExpectationSuiteIdentifier,
        ValidationResultIdentifier,
    )

    suite = ExpectationSuiteIdentifier(name=outcome.suite_name)
    key = ValidationResultIdentifier(expectation_suite_identifier=suite, run_id=run, batch_identifier=batch_id)
    outcome.meta |= {"run_id": run, "validation_time": run.run_time, "suite_result": asdict(result)}
    context.validation_results_store.store_validation_results(outcome, key, suite)
