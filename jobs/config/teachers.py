"""Who is paid: teachers and the judge; what may be spent, and how calls are made, is in `jobs.config.calls`."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Annotated, Final, Literal

from pydantic import Field, ValidationInfo, model_validator

from jobs.config.addresses import Address
from jobs.config.calls import Mode
from jobs.config.section import Name, Section, Share, without_faults
from schemas.records import CATEGORIES, Category

PUBLIC: Final = "public"
LookUp = Callable[[str, str], Iterable[str]]
"""Provider and model -> what is wrong with these names."""
Weight = Annotated[float, Field(ge=0.0)]


class ModelChoice(Section):
    """A model behind an OpenAI-compatible API: of a known provider, or at an address that needs no key."""

    kind: str = "model"  # first of the options, whatever the kinds are
    provider: Name | None = Field(None, description="one of conf/providers.yaml or of `providers`")
    model: str | None = Field(None, min_length=1, description="as the provider spells it")
    base_url: Address | None = Field(
        None,
        description="instead of a provider: a server without a key, such as vLLM or Ollama",
    )
    mode: Mode = Field(
        "online",
        description="batch: all by the Batch API; auto: most of it, while there is time, and what is few online",
    )

    def choice_faults(self, look_up: LookUp | None) -> Iterator[str]:
        """What is wrong with the choice; names are looked up where it is given how."""
        if self.model is None:
            yield "needs a model"
        if self.provider is None and self.base_url is None:
            yield "needs a provider, or the base_url of a server that wants no key"
        if self.provider is not None and self.base_url is not None:
            yield "give a provider or a base_url, not both; a provider's own address is set under `providers`"
        elif self.provider is not None and self.model is not None and look_up is not None:
            yield from look_up(self.provider, self.model)

    @property
    def takes_schema(self) -> bool | None:
        """Whether it takes a JSON schema; null where the choice does not say."""
        return None

    @property
    def is_empty(self) -> bool:
        """Whether no model is named."""
        return not any(value is not None for value in (self.provider, self.model, self.base_url))


class TeacherConfig(ModelChoice):
    """Who answers."""

    name: Name = Field(PUBLIC, description="what the teacher is called in the tables")
    kind: Literal["public", "model"] = Field(
        PUBLIC, description="public: the source's own response, at no cost; model: a model is asked"
    )
    weight: Weight = Field(1.0, description="how much of a category it answers, relative to the other models")
    weights: Mapping[Category, Weight] = Field(default_factory=dict, description="category -> weight where it differs")
    share: Share | None = Field(None, description="of all prompts asked; `phase0 plan` warns where the weights miss it")
    fallbacks: tuple[Name, ...] = Field((), description="teachers that take over, in order, when it is down")
    max_tokens: int = Field(1_024, ge=1, le=1_000_000, description="room for an answer")
    max_tokens_cap: int | None = Field(
        None, ge=1, le=1_000_000, description="room of the one retry of a cut answer; null: twice max_tokens"
    )
    temperature: float | None = Field(0.7, ge=0.0, le=2.0, description="null: the provider's default")

    def faults(self, look_up: LookUp | None) -> Iterator[str]:
        """What is wrong with it, whatever the other teachers are."""
        if self.kind == "model":
            yield from self.choice_faults(look_up)
            if self.name == PUBLIC:
                yield "a model may not be called public"
        else:
            if self.name != PUBLIC:
                yield "a teacher of kind public is called public; a model needs `kind: model`"
            if not self.is_empty:
                yield "kind public asks no model; say `kind: model`"
            if self.mode != "online":
                yield f"kind public asks no model and has no mode {self.mode}"
        if self.max_tokens_cap is not None and self.max_tokens_cap < self.max_tokens:
            yield f"max_tokens_cap {self.max_tokens_cap} is below max_tokens {self.max_tokens}"

    @property
    def cap(self) -> int:
        """Room of the retry after a cut answer, in tokens."""
        return self.max_tokens_cap or 2 * self.max_tokens

    def weight_of(self, category: str) -> float:
        """Its weight among the models for prompts of that category; 0 where it asks no model."""
        return 0.0 if self.kind == "public" else {str(k): v for k, v in self.weights.items()}.get(category, self.weight)


class DistillConfig(Section):
    """The teachers."""

    teachers: tuple[TeacherConfig, ...] = Field((TeacherConfig(name=PUBLIC, kind="public"),), min_length=1)
    when: Literal["always", "missing", "below_threshold"] = Field(
        "missing",
        description="models answer every prompt; those without a usable response; or also those whose response fails",
    )
    samples_per_prompt: int = Field(1, ge=1, le=16, description="answers asked of a model; the best scored is kept")
    expected_acceptance: float = Field(
        0.8, ge=0.01, le=1.0, description="of the prompts asked: those that get a good answer, until that is measured"
    )
    prompt: str = Field("answer.v1", min_length=1, description="template of conf/prompts, or a YAML file")
    reasoning: Literal["strip", "keep"] = Field(
        "strip", description="what a model thought before it answered: left out, or kept in front as a <think> block"
    )

    @model_validator(mode="after")
    def _teachers_fit_together(self, info: ValidationInfo) -> "DistillConfig":
        own = [f"{teacher.name}: {fault}" for teacher in self.teachers for fault in teacher.faults(_look_up(info))]
        together = chain(
            self._name_faults(), self._weight_faults(), self._sample_faults(), self._mode_faults(), self._when_faults()
        )
        return without_faults(self, [*own, *together])

    @property
    def models(self) -> tuple[TeacherConfig, ...]:
        """The teachers that are models."""
        return tuple(teacher for teacher in self.teachers if teacher.kind == "model")

    def _name_faults(self) -> Iterator[str]:
        names = Counter(teacher.name for teacher in self.teachers)
        yield from (f"the teacher {name} is named twice" for name, count in names.items() if count > 1)
        models = {teacher.name for teacher in self.models}
        for teacher in self.teachers:
            for fallback in teacher.fallbacks:
                if fallback == teacher.name:
                    yield f"the teacher {teacher.name} is its own fallback"
                elif fallback not in models:
                    there = ", ".join(sorted(models - {teacher.name})) or "no other model"
                    yield f"the fallback {fallback} of {teacher.name} names no model teacher; there is {there}"

    def _weight_faults(self) -> Iterator[str]:
        if not self.models:
            return
        orphans = [name for name in CATEGORIES if not any(teacher.weight_of(name) for teacher in self.models)]
        if orphans:
            yield f"no teacher has a weight for {', '.join(orphans)}"
        shares = [teacher.share for teacher in self.models if teacher.share is not None]
        if shares and (len(shares) < len(self.models) or abs(sum(shares) - 1.0) > 1e-9):
            yield f"the shares of the models sum to {sum(shares):g}, wanted 1, from each of them"

    def _sample_faults(self) -> Iterator[str]:
        if self.samples_per_prompt > 1:
            for teacher in self.models:
                if teacher.temperature == 0.0:
                    yield f"{teacher.name} at temperature 0 gives the same answer {self.samples_per_prompt} times"

    def _mode_faults(self) -> Iterator[str]:
        firsts: dict[object, TeacherConfig] = {}
        for teacher in self.models:
            first = firsts.setdefault((teacher.provider, teacher.base_url, teacher.model), teacher)
            if teacher.mode != first.mode:
                yield (
                    f"{first.name} and {teacher.name} are the same model, which is asked in one mode: "
                    f"{first.name} says {first.mode} and {teacher.name} {teacher.mode}"
                )

    def _when_faults(self) -> Iterator[str]:
        has_public = len(self.models) < len(self.teachers)
        if self.models and self.when == "always" and has_public:
            yield "`when: always` asks a model for every prompt and leaves the teacher public nothing to do"
        if self.models and self.when != "always" and not has_public:
            yield f"`when: {self.when}` uses public responses: add {{name: public, kind: public}}, or `when: always`"


class ScorerConfig(ModelChoice):
    """Who scores."""

    kind: Literal["heuristic", "judge", "distilled"] = Field(
        "heuristic",
        description="heuristic: offline rules, a screen and not a judge; judge: a model is asked; distilled: it is "
        "asked about a sample, from which its scores are learnt, and about what these leave open",
    )
    weights: tuple[int, int, int, int] = Field((1, 1, 1, 1), description="of the four dimensions, in order")
    max_tokens: int = Field(300, ge=1, le=100_000, description="room for a judge's reply")
    temperature: float | None = Field(0.0, ge=0.0, le=2.0, description="of a judge; null: the provider's default")
    structured_output: bool | None = Field(
        None, description="the judge takes a JSON schema; null: as providers.yaml says, and yes at a base_url"
    )
    prompt: str = Field("judge.v1", min_length=1, description="the judge's template of conf/prompts, or a YAML file")
    sample_margin: float = Field(
        0.05,
        ge=0.01,
        le=0.2,
        description="kind distilled: half the 95 % interval of a share measured on the sample; it sizes the sample",
    )
    coverage: float = Field(
        0.8,
        ge=0.5,
        le=0.99,
        description="kind distilled: share of the judge's scores that lie within the interval of a predicted one; "
        "where that straddles select.min_score the judge is asked",
    )
    min_agreement: Share = Field(
        0.85,
        description="kind distilled: of the rows held out that no judge would be asked about, the share on its side of "
        "select.min_score; below it the run ends",
    )

    @model_validator(mode="after")
    def _fits_its_kind(self, info: ValidationInfo) -> "ScorerConfig":
        faults = list(self.choice_faults(_look_up(info))) if self.asks_judge else []
        if self.kind == "heuristic" and not self.is_empty:
            faults.append("kind heuristic asks no model; say `kind: judge`")
        if self.kind == "heuristic" and self.mode != "online":
            faults.append(f"kind heuristic asks no model and has no mode {self.mode}")
        if min(self.weights) < 0 or not sum(self.weights):
            faults.append(f"weights {list(self.weights)}: none may be negative, one must be positive")
        return without_faults(self, faults)

    @property
    def takes_schema(self) -> bool | None:
        """As the configuration says."""
        return self.structured_output

    @property
    def asks_judge(self) -> bool:
        """Whether a judge is asked, about all pairs or some."""
        return self.kind != "heuristic"

    @property
    def scorers(self) -> tuple[str, ...]:
        """Who gives scores, as the table names them; first who gives those that all others come of."""
        return ("judge", "distilled") if self.kind == "distilled" else (self.kind,)

    @property
    def name(self) -> str:
        """What a reader calls it: the rules, or the judge's model."""
        return f"{self.model} and what was learnt of it" if self.kind == "distilled" else self.model or self.kind


def _look_up(info: ValidationInfo) -> LookUp | None:
    """How names are looked up: given by whoever validates, so that the models of settings read no file."""
    look_up: LookUp | None = (info.context or {}).get("look_up")
    return look_up
