"""Which names are names of one model."""

import pytest

from udfs.llm.served import is_other_model


@pytest.mark.parametrize(
    ("asked", "served"),
    [
        ("gpt-4o", "gpt-4o-2024-08-06"),
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("gpt-4o", None),
        ("gpt-4o", ""),
        ("mistral-large-latest", "mistral-large-2411"),
        ("claude-sonnet-4-5", "claude-sonnet-4-5-20250929"),
        ("gemini-2.5-flash", "models/gemini-2.5-flash-preview-05-20"),
        ("meta-llama/Llama-3.3-70B-Instruct", "llama-3.3-70b-instruct"),
        ("Qwen/Qwen3-32B:fireworks-ai", "accounts/fireworks/models/qwen3-32b"),
        ("moonshotai/kimi-k2", "moonshotai/kimi-k2-0905"),
        ("llama3", "llama3:latest"),
        ("qwen3-32b", "Qwen3-32B-FP8"),
        ("deepseek-chat", "DeepSeek-Chat"),
    ],
)
def test_a_name_with_a_date_a_path_or_a_host_is_the_same_model(asked, served):
    assert not is_other_model(asked, served)


@pytest.mark.parametrize(
    ("asked", "served"),
    [
        ("gpt-4o", "gpt-4o-mini"),
        ("gpt-4o", "gpt-4o-mini-2024-07-18"),
        ("gpt-4o-mini", "gpt-4o"),
        ("gpt-4o", "gpt-3.5-turbo"),
        ("qwen2.5:7b", "qwen2.5:14b"),
        ("meta-llama/Llama-3.1-405B-Instruct", "meta-llama/Llama-3.1-8B-Instruct"),
        ("deepseek-chat", "deepseek-reasoner"),
        ("m-1", "other"),
        ("gpt-4", "gpt-3"),
        ("claude-sonnet-4-5", "claude-sonnet-4-1"),
        ("gemini-2.5-flash", "gemini-2.0-flash"),
    ],
)
def test_another_size_or_name_is_another_model(asked, served):
    assert is_other_model(asked, served)
