"""Have Great Expectations count for a whole suite in one query.

`Batch.validate` also asks for samples of unexpected values, with a query for each expectation even where
nothing is unexpected. No sample may be stored here, so the library's metrics are resolved without them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyspark.sql import Column

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuite, ExpectationSuiteValidationResult
    from great_expectations.datasource.fluent.interfaces import Batch
    from great_expectations.validator.metric_configuration import MetricConfiguration

_FORM = {"result_format": "BASIC", "return_unexpected_index_query": False}


@dataclass(frozen=True)
class Counted:
    """Counts and aggregates of a suite, and the condition by which each row-wise expectation counted rows."""

    outcome: "ExpectationSuiteValidationResult"
    conditions: Mapping[str, Column]  # by the expectation's name; true for a row that it objects to


def count_suite(batch: "Batch", suite: "ExpectationSuite") -> Counted:
    """Validate a batch without looking at values.

    Raises:
        MetricError: from the library, with its cause; a metric could not be computed.
    """
    from great_expectations import __version__
    from great_expectations.core import ExpectationSuiteValidationResult
    from great_expectations.exceptions.exceptions import MetricError
    from great_expectations.validator.metrics_calculator import MetricsCalculator

    engine = batch.data.execution_engine
    engine.batch_manager.load_batch_list([batch])
    asked: dict[Any, MetricConfiguration] = {}
    for expectation in suite.expectations:
        needed = expectation.get_validation_dependencies(engine, _runtime())
        asked |= {metric.id: metric for metric in needed.get_metric_configurations()}
    samples = {key for key, metric in asked.items() if metric.metric_name.endswith(".unexpected_values")}
    calculator = MetricsCalculator(execution_engine=engine, show_progress_bars=False)
    counts = [metric for key, metric in asked.items() if key not in samples]
    metrics, aborted = calculator.compute_metrics(counts, _runtime())
    for trouble in aborted.values():
        raise MetricError(trouble["exception_info"].exception_message)
    metrics |= {key: [] for key in samples}
    results = [expectation.metrics_validate(metrics, _runtime(), engine) for expectation in suite.expectations]
    passed = sum(bool(result.success) for result in results)
    outcome = ExpectationSuiteValidationResult(
        success=passed == len(results),
        results=results,
        suite_name=suite.name,
        statistics={"evaluated_expectations": len(results), "successful_expectations": passed},
        meta={"great_expectations_version": __version__},
        batch_id=batch.id,
    )
    conditions = {
        str((expectation.meta or {})["name"]): metrics[_condition(expectation).id][0]
        for expectation in suite.expectations
        if hasattr(expectation, "map_metric")
    }
    return Counted(outcome, conditions)


def _runtime() -> dict[str, Any]:
    # A fresh copy each time: the library writes its defaults into it.
    return {"result_format": dict(_FORM)}


def _condition(expectation: Any) -> "MetricConfiguration":
    from great_expectations.expectations.registry import get_metric_kwargs
    from great_expectations.validator.metric_configuration import MetricConfiguration

    name = f"{expectation.map_metric}.condition"
    kwargs = get_metric_kwargs(name, configuration=expectation.configuration)
    return MetricConfiguration(name, kwargs["metric_domain_kwargs"], kwargs["metric_value_kwargs"])
