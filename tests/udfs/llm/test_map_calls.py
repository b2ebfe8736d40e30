"""The engine within Spark tasks: each request called once, from the task it was dealt to."""

import pytest
from pyspark.errors import PythonException

from jobs.online.task_slots import tasks_of, with_task
from schemas.errors import SchemaMismatchError
from tests.support.waves import QUICK, context, endpoint, request, wave_rows
from udfs.llm.journal_reader import journal_records
from udfs.llm.map_calls import map_calls
from udfs.llm.models import RateLimits


def test_requests_are_called_once_and_evenly_by_the_tasks_of_their_endpoint(spark, provider, tmp_path):
    provider.behave(shares={"500": 0.05}, latency_seconds=0.01)
    wide = endpoint(provider.base_url, model="wide", limits=RateLimits(max_in_flight=16))
    narrow = endpoint(provider.base_url, model="narrow", limits=RateLimits(max_in_flight=1))
    tasks = tasks_of([wide, narrow], slots=2, largest_tokens={})
    assert tasks == {("test", "wide"): (0, 1), ("test", "narrow"): (0,)}
    wave = context(tmp_path, [wide, narrow], tasks=tasks)
    requests = [request(f"w{number}", model="wide") for number in range(61)]
    requests += [request(f"n{number}", model="narrow") for number in range(9)]

    outcomes = map_calls(with_task(wave_rows(spark, requests), tasks), wave).collect()

    assert sorted(row.request_id for row in outcomes) == sorted(one.request_id for one in requests)
    assert {row.state for row in outcomes} == {"answered"}
    paid = [call.token for call in provider.calls() if call.is_paid]
    assert sorted(paid) == sorted(one.request_id for one in requests)
    answered = [record for record in journal_records(wave.journal) if record["kind"] == "response"]
    by_task = {
        task: sorted(record["model"] for record in answered if record["attempt_id"].startswith(f"task-0000{task}"))
        for task in (0, 1)
    }
    assert sorted(map(len, (by_task[0], by_task[1]))) in ([30, 40], [31, 39])
    assert by_task[0].count("narrow") == 9
    texts = {record["request_id"]: record["text"] for record in answered}
    assert all(f"#{token}#" in text for token, text in texts.items())


def test_rows_that_were_not_dealt_are_refused_by_name(spark, provider, tmp_path):
    wave = context(tmp_path, [endpoint(provider.base_url)])
    with pytest.raises(SchemaMismatchError, match="wave: missing task"):
        map_calls(wave_rows(spark, [request("a")]), wave)


def test_rows_of_two_tasks_in_one_partition_are_refused(spark, provider, tmp_path):
    only_one = context(tmp_path, [endpoint(provider.base_url)], tasks={("test", "m"): (0,)}, retries=QUICK)
    rows = wave_rows(spark, [request(f"t{number}") for number in range(4)])
    dealt = with_task(rows, {("test", "m"): (0, 1)})
    with pytest.raises(PythonException, match="deal them by `task`"):
        map_calls(dealt, only_one).collect()


def test_requests_of_an_endpoint_without_tasks_go_to_the_first(spark):
    rows = wave_rows(spark, [request("a", model="unknown"), request("b")])
    dealt = {row.request_id: row.task for row in with_task(rows, {("test", "m"): (3,)}).collect()}
    assert dealt == {"a": 0, "b": 3}


def test_endpoints_with_few_tasks_are_spread():
    narrow = [endpoint("http://x", model=name, limits=RateLimits(max_in_flight=1)) for name in "abc"]
    tasks = tasks_of(narrow, slots=2, largest_tokens={})
    assert tasks == {("test", "a"): (0,), ("test", "b"): (1,), ("test", "c"): (0,)}
