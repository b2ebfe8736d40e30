"""Before a cent is spent: each thing that is wrong is said with the line of the file to change."""

from datetime import date

import pytest

from jobs.config.load import load_settings
from jobs.models.preflight import preflight
from tests.support.small_provider import SmallProvider, obey_schema, running

CONFIG = """\
sources: [{{name: a, path: a.jsonl, licence: MIT}}]
distill:
  when: always
  teachers:
    - name: local
      kind: model
      base_url: {url}
      model: tiny
"""
KEYED = """\
sources: [{{name: a, path: a.jsonl, licence: MIT}}]
budget: {{run_usd: 1}}
providers:
  mine:
    base_url: {url}
    api_key_env: MY_KEY
    structured_output: true
    models:
      old: {{prices: {{input: 1, output: 1}}, shutdown_date: 2026-12-25, replacement: new}}
score:
  kind: judge
  provider: mine
  model: old
"""
LONG_BEFORE = date(2026, 1, 1)


def findings(tmp_path, provider, text=CONFIG, *, environment=None, today=LONG_BEFORE):
    with running(provider):
        path = tmp_path / "my.yaml"
        path.write_text(text.format(url=provider.base_url))
        found = preflight(load_settings(str(path)), path, environment or {}, today)
    assert len(provider.requests) == sum("JSON schema" in one.found and not one.is_note for one in found)
    return [str(one).replace(f"{tmp_path}/", "").replace(provider.base_url, "URL") for one in found]


def test_a_server_of_ones_own_that_lists_its_model_is_ready(tmp_path):
    said = findings(tmp_path, SmallProvider())
    assert [line.partition(" ")[0] for line in said] == ["ok", "ok"]
    assert said[1] == "ok   teacher local: tiny is listed"


@pytest.mark.parametrize(
    ("provider", "line"),
    [
        (
            SmallProvider(models=["tinny", "large"]),
            r"does not list tiny. my.yaml:8: write model: tinny (or add --set distill.teachers.0.model=tinny)",
        ),
        (SmallProvider(clock_ahead=-600), "s ahead of "),
        (SmallProvider(clock_ahead=600), "s behind "),
        (SmallProvider(key="secret"), "refuses calls without a key (HTTP 401). Describe it under `providers`"),
    ],
    ids=["model", "clock ahead", "clock behind", "key"],
)
def test_what_is_wrong_is_said_with_the_line_to_change(tmp_path, provider, line):
    faults = [one for one in findings(tmp_path, provider) if one.startswith("FIX")]
    assert len(faults) == 1 and line in faults[0]


@pytest.mark.parametrize(
    ("models", "said"),
    [(None, "tiny is not checked"), (["tiny:latest"], "tiny is listed"), ([], "does not list tiny")],
)
def test_a_server_without_a_list_and_a_tagged_name_are_no_fault(tmp_path, models, said):
    assert said in findings(tmp_path, SmallProvider(models=models))[-1]


def test_a_server_that_is_not_there_names_the_line_of_its_address(tmp_path):
    path = tmp_path / "my.yaml"
    path.write_text(CONFIG.format(url="http://127.0.0.1:9/v1"))
    found = preflight(load_settings(str(path)), path, {})
    assert "cannot be reached" in found[0].found and f"{path}:7" in found[0].fix


def test_a_missing_key_names_its_variable_and_where_that_is_set(tmp_path):
    said = findings(tmp_path, SmallProvider(key="sk-right"), KEYED)
    assert said[0] == "FIX  mine: MY_KEY is not set. Type: export MY_KEY=… (my.yaml:6 names it)"


def test_a_refused_key_is_never_repeated(tmp_path):
    said = findings(tmp_path, SmallProvider(key="sk-right"), KEYED, environment={"MY_KEY": "sk-wrong"})
    assert said[0].startswith("FIX  mine: mine (URL) refuses the key in MY_KEY (HTTP 401)") and "my.yaml:6" in said[0]
    assert "sk-" not in "".join(said)


@pytest.mark.parametrize(
    ("today", "said"),
    [
        (date(2026, 11, 24), "note judge: old leaves on 2026-12-25, in 31 days; then use new"),
        (date(2026, 11, 25), "FIX  judge: old leaves mine on 2026-12-25. my.yaml:13: write model: new"),
        (date(2026, 12, 25), "FIX  judge: old left mine on 2026-12-25. my.yaml:13: write model: new"),
    ],
)
def test_a_model_within_30_days_of_its_end_is_not_started_with(tmp_path, today, said):
    provider = SmallProvider(models=["old"], key="k")
    found = findings(tmp_path, provider, KEYED, environment={"MY_KEY": "k"}, today=today)
    assert any(line.startswith(said) for line in found), found


JUDGE = CONFIG + "score:\n  kind: judge\n  base_url: {url}\n  model: tiny\n"


@pytest.mark.parametrize(
    ("provider", "more", "said"),
    [
        (SmallProvider(answer=obey_schema), "", "ok   judge: tiny follows a JSON schema"),
        (
            SmallProvider(answer=lambda body: "Hello!"),
            "",
            "FIX  judge: tiny does not follow a JSON schema: it answers as if there were none. my.yaml:12: write "
            "structured_output: false; its replies are then read tolerantly",
        ),
        (SmallProvider(status=400, error="no such parameter"), "", "HTTP 400 - no such parameter. my.yaml:12"),
        (SmallProvider(), "  structured_output: false\n", "note judge: tiny takes no JSON schema"),
    ],
    ids=["follows it", "ignores it", "refuses it", "said to take none"],
)
def test_whether_the_judge_follows_a_schema_is_tried_where_that_costs_nothing(tmp_path, provider, more, said):
    assert said in findings(tmp_path, provider, JUDGE + more)[-1]


def test_a_paid_judge_is_not_called(tmp_path):
    said = findings(tmp_path, SmallProvider(models=["old"], key="k"), KEYED, environment={"MY_KEY": "k"})
    # `findings` has counted the calls: as many as schemas are spoken of.
    assert "ok   judge: old is listed" in said and "JSON schema" not in "".join(said)


def test_models_of_one_server_share_one_look_at_it(tmp_path):
    assert sum("models listed" in line for line in findings(tmp_path, SmallProvider(answer=obey_schema), JUDGE)) == 1


BATCHED = """\
sources: [{{name: a, path: a.jsonl, licence: MIT}}]
budget: {{run_usd: 1}}
providers:
  mine:
    base_url: {url}
    models:
      cheap: {{prices: {{input: 1, output: 1, batch_discount: 0.5}}}}
      plain: {{prices: {{input: 1, output: 1}}}}
      never: {{prices: {{input: 1, output: 1}}, batch: false}}
      other: {{prices: {{input: 1, output: 1}}}}
distill:
  when: always
  teachers:
    - {{name: a, kind: model, provider: mine, model: cheap, mode: batch}}
    - {{name: b, kind: model, provider: mine, model: plain, mode: auto}}
    - {{name: c, kind: model, provider: mine, model: never, mode: batch}}
    - {{name: d, kind: model, provider: mine, model: other}}
"""


def test_a_provider_without_batches_is_named_where_they_are_asked_for(tmp_path):
    models = SmallProvider(models=["cheap", "plain", "never", "other"])
    without = [line for line in findings(tmp_path, models, BATCHED) if "atch" in line]
    assert [line.partition(" ")[0] for line in without] == ["FIX"] * 3
    assert without[0] == (
        "FIX  teacher a: mine has no Batch API for cheap, and mode is batch. my.yaml:14: write mode: online (or add "
        "--set distill.teachers.0.mode=online)"
    )
    with_batches = BATCHED.replace("    models:\n", "    batch: {{shape: openai}}\n    models:\n", 1)
    said = [line for line in findings(tmp_path, models, with_batches) if "atch" in line]
    assert said == [
        "ok   teacher a: mine takes cheap in batches",
        "note teacher b: no discount of batches is known for plain: they are counted, and reserved, at full price",
        "FIX  teacher c: mine has no Batch API for never, and mode is batch. my.yaml:17: write mode: online (or add "
        "--set distill.teachers.2.mode=online)",
    ]
