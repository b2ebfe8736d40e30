"""From settings to how each teacher and the judge is asked; what a request is built with."""

from jobs.config.calls import Mode
from jobs.config.endpoints import endpoint_of, known_providers
from jobs.config.settings import Settings
from udfs.llm.generation_spec import GenerationSpec
from udfs.llm.models import Endpoint
from udfs.llm.wave import EndpointKey
from udfs.scoring.judge import JUDGE, judge_schema_json


def teacher_specs(settings: Settings) -> dict[str, GenerationSpec]:
    """Teacher -> how it is asked, for every teacher that is a model."""
    providers = known_providers(settings.providers)
    specs = {}
    for teacher in settings.distill.models:
        endpoint = endpoint_of(teacher, providers, settings.calls)
        specs[teacher.name] = GenerationSpec(
            endpoint=endpoint,
            max_tokens=teacher.max_tokens,
            max_tokens_cap=teacher.cap,
            temperature=_temperature(teacher.temperature, endpoint),
            attempts=settings.calls.attempts,
            mode=teacher.mode if endpoint.batch else "online",
        )
    return specs


def teacher_modes(settings: Settings) -> dict[EndpointKey, Mode]:
    """How each model is asked that is a teacher."""
    providers = known_providers(settings.providers)
    return {endpoint_of(teacher, providers, settings.calls).key: teacher.mode for teacher in settings.distill.models}


def judge_spec(settings: Settings) -> GenerationSpec | None:
    """How the judge is asked; null where rules score.

    Where it takes no schema, a reply that cannot be read is asked for once more, with `ask=1`.
    """
    score = settings.score
    if not score.asks_judge:
        return None
    endpoint = endpoint_of(score, known_providers(settings.providers), settings.calls)
    return GenerationSpec(
        endpoint=endpoint,
        max_tokens=score.max_tokens,
        max_tokens_cap=2 * score.max_tokens,
        temperature=_temperature(score.temperature, endpoint),
        schema_json=judge_schema_json() if endpoint.structured_output else None,
        attempts=settings.calls.attempts,
        mode=score.mode if endpoint.batch else "online",
    )


def model_names(settings: Settings, stage: str) -> dict[EndpointKey, str]:
    """Provider and model -> the teacher's name, or `judge`, of the models that this configuration asks."""
    judge, names = judge_spec(settings), dict[EndpointKey, str]()
    if stage == "score":
        return {judge.endpoint.key: JUDGE} if judge else {}
    for name, spec in teacher_specs(settings).items():
        key = spec.endpoint.key
        names[key] = f"{names[key]}, {name}" if key in names else name
    return names


def _temperature(wanted: float | None, endpoint: Endpoint) -> float | None:
    return wanted if endpoint.profile.accepts_temperature else None
