"""On which line of a YAML file a setting is, so that a message can say where to change it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class Place:
    """A line of a file."""

    file: Path
    line: int
    """Counted from 1."""

    def __str__(self) -> str:
        """`file:line`, which editors and terminals open."""
        return f"{self.file}:{self.line}"


def place_of(file: Path, *keys: Sequence[str | int]) -> Place:
    """The line of the first of these settings that the file has.

    A setting that is not there (a default, a `--set`) is where the nearest section around it is.

    Args:
        file: a YAML file.
        keys: names and list places from the top, such as `("distill", "teachers", 0, "model")`.
    """
    lines = dict(_lines(yaml.compose(file.read_bytes(), Loader=yaml.SafeLoader), ()))
    exact = [tuple(key) for key in keys if tuple(key) in lines]
    key: KeyPath = exact[0] if exact else tuple(keys[0])
    while key not in lines:
        key = key[:-1]
    return Place(file, lines[key])


def repeated_keys(file: Path) -> list[str]:
    """Settings that a file gives twice: YAML takes the last and says nothing, so the first would be lost unseen.

    Raises:
        yaml.YAMLError: it is not YAML.
    """
    first: dict[KeyPath, int] = {}
    faults: dict[KeyPath, str] = {}
    for key, line in _lines(yaml.compose(file.read_bytes(), Loader=yaml.SafeLoader), ()):
        # Within a section that is repeated everything is.
        if key in first and not any(key[:length] in faults for length in range(len(key))):
            name = ".".join(map(str, key))
            faults[key] = f"line {line}: {name} is there already, in line {first[key]}; make one of the two"
        first.setdefault(key, line)
    return list(faults.values())


def _lines(node: yaml.Node | None, key: KeyPath) -> Iterator[tuple[KeyPath, int]]:
    if not key:
        yield key, 1
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            yield (*key, str(name.value)), name.start_mark.line + 1
            yield from _lines(value, (*key, str(name.value)))
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield (*key, number), value.start_mark.line + 1
            yield from _lines(value, (*key, number))
