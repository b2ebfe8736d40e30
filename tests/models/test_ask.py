"""The first thing a new user tries: one question to one model."""

import io

import pytest

from jobs.cli import models as cli_models
from jobs.cli.app import main
from jobs.models.ask import ask, find_teacher, local_teacher
from schemas.errors import ConfigError, ProviderError
from tests.support.small_provider import SmallProvider, running

CONFIG = """\
sources: [{{name: a, path: a.jsonl, licence: MIT}}]
budget: {{run_usd: 1}}
providers:
  mine: {{base_url: {url}, api_key_env: MY_KEY, models: {{m: {{prices: {{input: 2, output: 10}}}}}}}}
distill:
  when: always
  teachers: [{{name: smart, kind: model, provider: mine, model: m, temperature: 0.2, max_tokens: 77}}]
"""


def phase0(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["ask", *arguments])
    return int(ended.value.code or 0)


@pytest.fixture
def wide_terminal(monkeypatch):
    monkeypatch.setattr(cli_models.console, "width", 200)


def test_a_server_of_ones_own_needs_an_address_and_the_name_of_a_model(capsys, wide_terminal):
    with running(SmallProvider()) as provider:
        assert phase0("tiny", "Name", "a", "prime.", "--base-url", provider.base_url, "--system", "Be brief.") == 0

    said = capsys.readouterr().out.splitlines()
    assert said[0] == "Seven."
    assert said[1].startswith("-- tiny-2026 · 10 + 2 tokens · no price, $0 · ") and said[1].endswith(" · stop")
    assert provider.requests[0]["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Name a prime."},
    ]


def test_a_teacher_of_the_configuration_is_asked_as_it_says_and_costs_what_it_says(
    tmp_path, capsys, monkeypatch, wide_terminal
):
    monkeypatch.setenv("MY_KEY", "sk-secret")
    monkeypatch.setattr("sys.stdin", io.StringIO("Name a\nprime."))
    with running(SmallProvider(key="sk-secret")) as provider:
        (tmp_path / "c.yaml").write_text(CONFIG.format(url=provider.base_url))
        assert phase0("smart", "-", "--config", str(tmp_path / "c.yaml")) == 0

    # 10 tokens at $2 and 2 at $10 a million.
    assert "10 + 2 tokens · $0.000040 · " in capsys.readouterr().out
    sent = provider.requests[0]
    assert (sent["model"], sent["temperature"], sent["max_tokens"]) == ("m", 0.2, 77)
    assert sent["messages"][0]["content"] == "Name a\nprime."


def test_no_other_account_s_headers_leave_for_a_server_of_ones_own(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-secret")
    with running(SmallProvider()) as provider:
        ask(local_teacher(provider.base_url, "tiny"), "q", {"OPENAI_API_KEY": "sk-secret"})
    assert "secret" not in str(provider.headers)


def test_what_commands_a_terminal_is_not_printed(capsys, wide_terminal):
    with running(SmallProvider(answer=lambda body: "a\x1b[2Jb [red]c")) as provider:
        phase0("tiny", "q", "--base-url", provider.base_url)
    assert capsys.readouterr().out.startswith("a\N{REPLACEMENT CHARACTER}[2Jb [red]c\n")


@pytest.mark.parametrize(
    ("provider", "said"),
    [
        (SmallProvider(finish_reason="length"), "length, cut: --max-tokens gives it more room"),
        (SmallProvider(usage=None), "tokens not said"),
    ],
)
def test_a_cut_answer_and_one_without_usage_say_so(capsys, wide_terminal, provider, said):
    with running(provider):
        phase0("tiny", "q", "--base-url", provider.base_url)
    assert said in capsys.readouterr().out


def test_a_refusal_ends_with_code_3_and_the_reason_without_the_key(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("MY_KEY", "sk-secret")
    with running(SmallProvider(status=402, error="no credit for sk-secret")) as provider:
        (tmp_path / "c.yaml").write_text(CONFIG.format(url=provider.base_url))
        assert phase0("smart", "q", "--config", str(tmp_path / "c.yaml")) == 3
    said = capsys.readouterr().err
    assert "answers HTTP 402 - no credit for [key]" in said and "secret" not in said


def test_a_server_that_is_not_there_is_named():
    with pytest.raises(ProviderError, match=r"127\.0\.0\.1:9 .*cannot be reached"):
        ask(local_teacher("http://127.0.0.1:9/v1", "tiny"), "q", {})


@pytest.mark.parametrize("page", ["Welcome!", {"choices": []}, {"hello": "world"}])
def test_a_server_of_something_else_is_named(page):
    with (
        running(SmallProvider(page=page)) as provider,
        pytest.raises(ProviderError, match="not as the OpenAI API does"),
    ):
        ask(local_teacher(provider.base_url, "tiny"), "q", {})


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("gpt-4o", ("openai", "gpt-4o")),
        ("openai/gpt-4o", ("openai", "gpt-4o")),
        ("Qwen/Qwen3.6-35B-A3B", ("huggingface", "Qwen/Qwen3.6-35B-A3B")),
        ("together/meta-llama/Llama-3.3-70B-Instruct-Turbo", ("together", "meta-llama/Llama-3.3-70B-Instruct-Turbo")),
    ],
)
def test_a_known_model_is_asked_without_a_configuration(name, key):
    assert find_teacher(name, "phase0.yaml", (), is_default=True).endpoint.key == key


def test_an_unknown_teacher_names_those_there_are(tmp_path):
    (tmp_path / "c.yaml").write_text(CONFIG.format(url="http://x/v1"))
    with pytest.raises(ConfigError, match=r"no teacher clever; c\.yaml has smart; without a configuration: openai/"):
        find_teacher("clever", str(tmp_path / "c.yaml"), (), is_default=False)
    with pytest.raises(ConfigError, match="openai has no model gpt-4x, did you mean gpt-4o"):
        find_teacher("openai/gpt-4x", "phase0.yaml", (), is_default=True)


def test_a_missing_key_says_what_to_type(capsys, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert phase0("gpt-4o", "q") == 2
    assert "OPENAI_API_KEY is not set. Type: export OPENAI_API_KEY=…" in " ".join(capsys.readouterr().err.split())


def test_an_address_with_a_password_is_refused_and_not_shown():
    with pytest.raises(ConfigError, match="without a password") as caught:
        local_teacher("http://me:secret@x/v1", "m")
    assert "secret" not in str(caught.value)
