"""Both shapes of a Batch API, spoken over HTTP to a provider on the loopback."""

import io
import json

import pytest

from jobs.batches.api import BatchCallError, is_queue_refusal, open_server
from tests.support.waves import endpoint
from udfs.llm.models import BatchApi

SHAPES = ("openai", "together")


def line(token, **more):
    body = {"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": f"#{token}#"}]}
    return json.dumps({"custom_id": token, **more, "body": body}) + "\n"


@pytest.fixture(params=SHAPES)
def server(request, batch_provider):
    url = batch_provider.base_url if request.param == "openai" else batch_provider.together_url
    opened = open_server(endpoint(url, batch=BatchApi(shape=request.param)), {})
    yield opened
    opened.close()


def upload(server, tokens, name="key.jsonl"):
    return server.upload(name, io.BytesIO("".join(line(token) for token in tokens).encode()))


def run_to_the_end(server, batch):
    for _ in range(10):
        batch = server.look(batch.batch_id)
        if batch.has_ended:
            return batch
    raise AssertionError(batch)


def test_a_file_goes_up_and_its_answers_come_down_by_custom_id(server, batch_provider, tmp_path):
    file_id = upload(server, ["a", "b", "c"])
    batch = run_to_the_end(server, server.create(file_id, "key"))

    assert (batch.state, batch.input_file_id) == ("completed", file_id)
    server.download(batch.output_file_id, str(tmp_path / "output.jsonl"))
    lines = [json.loads(one) for one in (tmp_path / "output.jsonl").read_text().splitlines()]
    assert sorted(one["custom_id"] for one in lines) == ["a", "b", "c"]
    assert all(f"#{one['custom_id']}#" in json.dumps(one["response"]) for one in lines)
    assert batch_provider.summary()["files"][file_id][0] == "key.jsonl"


def test_the_list_has_every_batch_whatever_its_pages_are(server):
    made = {server.create(upload(server, [f"t{n}"]), f"key{n}").batch_id for n in range(5)}
    assert {one.batch_id for one in server.listed(0.0)} == made
    assert not [one for one in server.listed(4e9) if one.created_at is not None and one.created_at >= 4e9]


def test_a_batch_is_found_by_key_where_there_is_metadata_and_by_its_file_anywhere(server, request):
    file_id = upload(server, ["a"])
    server.create(file_id, "my-key")
    (found,) = server.listed(0.0)
    assert found.input_file_id == file_id
    assert found.batch_key == ("my-key" if request.node.callspec.params["server"] == "openai" else None)


def test_a_cancelled_batch_ends_with_what_it_has(server):
    batch = server.create(upload(server, [f"t{n}" for n in range(40)]), "key")
    assert server.cancel(batch.batch_id).state == "cancelling"
    ended = run_to_the_end(server, batch)
    assert ended.state == "cancelled" and ended.output_file_id


def test_a_create_without_an_answer_may_have_worked_and_a_refused_one_has_not(server, batch_provider):
    batch_provider.behave(lost_creates=1)
    file_id = upload(server, ["a"])
    with pytest.raises(BatchCallError, match="connection failed") as lost:
        server.create(file_id, "key")
    assert lost.value.may_have_worked
    assert len(list(server.listed(0.0))) == 1
    with pytest.raises(BatchCallError, match="404") as refused:
        server.look("batch_99")
    assert not refused.value.may_have_worked


def test_a_batch_over_the_queue_fails_and_says_so(server, batch_provider):
    batch_provider.behave(queue_tokens=5)
    batch = run_to_the_end(server, server.create(upload(server, ["a"]), "key"))
    assert batch.state == "failed" and is_queue_refusal(batch.error or "") and batch.output_file_id is None


def test_a_file_that_is_gone_is_not_half_there(server, batch_provider, tmp_path):
    batch_provider.behave(gone_files=True)
    batch = run_to_the_end(server, server.create(upload(server, ["a"]), "key"))
    with pytest.raises(BatchCallError) as gone:
        server.download(batch.output_file_id, str(tmp_path / "output.jsonl"))
    assert gone.value.failure.kind == "not_found"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("message", "is_one"),
    [
        ("token_limit_exceeded - The number of enqueued tokens has surpassed the configured limit of 30K", True),
        ("Enqueued token limit reached for gpt-4o in organization o. Limit: 90,000 enqueued tokens.", True),
        ("invalid_json_line - This line is not parseable as valid JSON", False),
        ("rate limit exceeded", False),
    ],
)
def test_refusals_for_the_queue_are_told_from_others(message, is_one):
    assert is_queue_refusal(message) == is_one
