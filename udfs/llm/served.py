"""Whether a model that answered is the one that was asked, by their names."""

import re

# What names of one model differ in: a date, a version of the day, how its numbers are packed.
_MOVING = re.compile(
    r"[-_@:.](?:latest|preview|stable|\d{4}-\d{2}-\d{2}|20\d{6}|\d{2}-20\d{2}|\d{2}-\d{2}|\d{4}|0\d\d"
    r"|fp8|fp16|bf16|int4|int8|awq|gptq|gguf|hf|default|beta|exp)\Z"
)


def is_other_model(asked: str, served: str | None) -> bool:
    """Whether another model answered than was asked.

    A dated name is the same model (`gpt-4o` and `gpt-4o-2024-08-06`), and so is one with its owner's or its host's
    path before it, or a router's `:provider` after it. `gpt-4o-mini` is another than `gpt-4o`. Where the provider does
    not say who answered, nobody knows better.
    """
    if not served or not served.strip():
        return False
    one, other = _names(asked), _names(served)
    return not one & other


def _names(model: str) -> set[str]:
    """The name, with and without what may follow it."""
    name = model.strip().lower().rstrip("/").rsplit("/", 1)[-1].replace("_", "-").replace(" ", "-")
    found = {name}
    head, colon, tag = name.rpartition(":")
    if colon and not tag[:1].isdigit():  # `qwen:7b` and `qwen:14b` are two, `qwen:fireworks` is one
        found.add(head)
    for one in list(found):
        while (shorter := _MOVING.sub("", one)) != one:
            found.add(shorter)
            one = shorter
    return found
