"""What a calibration holds for: a hash of all that shapes a scorer's numbers."""

import hashlib
import json
from functools import cache
from importlib import resources
from typing import Any

from jobs.answers.specs import judge_spec
from jobs.config.prompt_files import load_judge_prompt
from jobs.config.settings import Settings
from udfs.scoring.heuristic import HEURISTIC

_RULES = ("udfs.scoring", "udfs.screen")
_NO_RULES = (
    *("agreement.py", "calibration.py", "judge.py", "judge_object.py", "replies.py"),
    *("features.py", "feature_batches.py", "intervals.py", "held_out.py"),
)


def scorer_fingerprint(settings: Settings, surrogate: str | None = None) -> str:
    """Hash of the scorer: rules and weights, or the judge's model, parameters, schema, prompt and weights.

    Not of the provider's address or limits: the same model asked the same way is the same judge.

    Args:
        settings: of the scorer.
        surrogate: fingerprint of what was learnt of the judge, where its scores are predicted.
    """
    score = settings.score
    shape: list[Any] = [score.kind, list(score.weights)]
    spec = judge_spec(settings)
    if spec is None:
        shape.append(_rules_hash())
    else:
        prompt = load_judge_prompt(score.prompt)
        endpoint = spec.endpoint
        shape += [endpoint.provider, endpoint.model, spec.temperature, spec.max_tokens, spec.schema_json]
        shape += [endpoint.profile.extra_body, prompt.rubric, prompt.pair, prompt.again]
    if score.kind == "distilled":
        shape.append(surrogate)
    return hashlib.sha256(json.dumps(shape, sort_keys=True, default=str).encode("utf-8")).hexdigest()


@cache
def _rules_hash() -> str:
    digest = hashlib.sha256(HEURISTIC.encode("ascii"))
    for package in _RULES:
        # Through importlib: on a cluster the package is a zip.
        for file in sorted(resources.files(package).iterdir(), key=lambda entry: entry.name):
            if file.name.endswith(".py") and file.name not in _NO_RULES:
                digest.update(file.read_bytes())
    return digest.hexdigest()
