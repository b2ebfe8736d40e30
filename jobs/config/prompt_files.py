"""Templates of prompts: YAML files under `conf/prompts` with their version in the name, or a user's own."""

from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import TypeVar

import yaml
from jinja2 import TemplateError
from pydantic import ValidationError

from jobs.config.section import Section
from jobs.config.settings import Settings
from schemas.errors import ConfigError
from udfs.llm.prompts import WARNING, AnswerPrompt, JudgePrompt, check_template


class AnswerFile(Section):
    """A file for teachers; see `AnswerPrompt`."""

    system: str | None = None


class JudgeFile(Section):
    """A file for the judge; see `JudgePrompt`."""

    rubric: str
    pair: str
    again: str
    warning: str = WARNING


_FileT = TypeVar("_FileT", bound=Section)


def load_answer_prompt(name: str) -> AnswerPrompt:
    """The template that teachers are asked with.

    Args:
        name: of a file of `conf/prompts` without its ending, or the path of a YAML file.

    Raises:
        ConfigError: there is none of that name, or it is not for teachers.
    """
    return AnswerPrompt(**_read(name, AnswerFile).model_dump())


def load_judge_prompt(name: str) -> JudgePrompt:
    """The template that the judge is asked with; as `load_answer_prompt`."""
    prompt = JudgePrompt(**_read(name, JudgeFile).model_dump())
    try:
        check_template(prompt.pair)
    except TemplateError as error:
        raise ConfigError(f"{name}: pair is no template: {error}") from None
    return prompt


def prompt_faults(settings: Settings) -> Iterator[str]:
    """What is wrong with the templates a configuration names, each with its key."""
    for key, load, name in (
        ("distill.prompt", load_answer_prompt, settings.distill.prompt),
        ("score.prompt", load_judge_prompt, settings.score.prompt),
    ):
        try:
            load(name)
        except ConfigError as error:
            yield f"{key}: {error}"


def shipped_prompts() -> list[str]:
    """Names of the templates in the package."""
    files = resources.files("conf.prompts").iterdir()
    return sorted(file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml"))


def _read(name: str, kind: type[_FileT]) -> _FileT:
    try:
        return kind.model_validate(yaml.safe_load(_text(name)) or {})
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{name} is not YAML: {error}") from None
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise ConfigError(f"{name}: {faults}") from None


def _text(name: str) -> str:
    if name in shipped_prompts():
        return resources.files("conf.prompts").joinpath(f"{name}.yaml").read_text("utf-8")
    path = Path(name)
    if path.is_file():
        return path.read_text("utf-8")
    raise ConfigError(f"no prompt {name}; give a YAML file or one of {', '.join(shipped_prompts())}")
