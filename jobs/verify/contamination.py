"""Items of benchmarks in the rows of a file: the search of the pipeline's stage, over lines instead of a table."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import ConfigError, SourceFormatError
from udfs.benchmark_items import ItemText, read_items
from udfs.contamination import FORM_PROMPTS, Limits, Overlap, Part, index_benchmarks, prompt_key, span_text

LISTED_ROWS = 10
_BATCH_ROWS = 2_000


@dataclass(frozen=True)
class Contaminated:
    """A row that holds an item."""

    line: int
    benchmark: str
    item: str
    field: str
    side: str
    tokens: int
    item_tokens: int
    span: str
    item_text: str


@dataclass(frozen=True)
class Contamination:
    """What was looked for, and what was found."""

    benchmarks: dict[str, int]
    """Name of each file -> its items."""
    rows: int
    """That hold an item."""
    by_benchmark: dict[str, int]
    """Rows that hold an item of each."""
    noted: int
    """Rows that hold forms of words only: short items that many prompts of a source hold."""
    first: list[Contaminated]


class Searching:
    """Takes the rows of a file one by one, then says which hold an item."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Read the benchmarks.

        Raises:
            ConfigError: a file cannot be read as a benchmark, or two have one name.
        """
        items: list[ItemText] = []
        self._counts: dict[str, int] = {}
        for path in paths:
            of_file = _items_of(path)
            if path.name in self._counts:
                raise ConfigError(f"--benchmarks: two files are called {path.name}; rename one to tell them apart")
            self._counts[path.name] = len({item.item for item in of_file})
            items += of_file
        self._benchmarks = index_benchmarks(items, Limits())
        self._pending: list[tuple[int, str, list[Part]]] = []
        self._found: list[tuple[int, str, int, Overlap]] = []

    def add(self, line: int, source: str, instruction: str, response: str) -> None:
        """Search the next row."""
        parts = [Part("prompt", "instruction", instruction), Part("response", "response", response)]
        self._pending.append((line, source, parts))
        if len(self._pending) == _BATCH_ROWS:
            self._search()

    def _search(self) -> None:
        overlaps = self._benchmarks.overlaps([parts for _, _, parts in self._pending])
        for (line, source, parts), of_row in zip(self._pending, overlaps, strict=True):
            self._found += [(line, source, prompt_key(parts), overlap) for overlap in of_row]
        self._pending = []

    def summed_up(self) -> Contamination:
        """The result, of all rows seen."""
        self._search()
        forms = self._forms_of_words()
        convicted = [
            (line, overlap)
            for line, _, _, overlap in self._found
            if overlap.is_whole_prompt or not (overlap.is_short and overlap.item.key in forms)
        ]
        rows = {line for line, _ in convicted}
        return Contamination(
            benchmarks=self._counts,
            rows=len(rows),
            by_benchmark={
                name: len({line for line, overlap in convicted if overlap.item.benchmark == name})
                for name in self._counts
            },
            noted=len({line for line, _, _, _ in self._found} - rows),
            first=[_contaminated(line, overlap) for line, overlap in convicted[:LISTED_ROWS]],
        )

    def _forms_of_words(self) -> set[tuple[str, str, str]]:
        prompts: dict[tuple[tuple[str, str, str], str], set[int]] = defaultdict(set)
        for _, source, key, overlap in self._found:
            prompts[overlap.item.key, source].add(key)
        return {item for (item, _), keys in prompts.items() if len(keys) >= FORM_PROMPTS}


def _items_of(path: Path) -> list[ItemText]:
    try:
        return read_items(path.read_bytes(), path.name, path.name, {})
    except OSError as error:
        raise ConfigError(f"--benchmarks {path}: cannot be read ({error.strerror}); check the path") from None
    except SourceFormatError as error:
        raise ConfigError(f"--benchmarks {path}: {error}") from None


def _contaminated(line: int, found: Overlap) -> Contaminated:
    item = found.item
    where = (item.benchmark, item.item, item.field, found.part.side)
    return Contaminated(line, *where, found.tokens, found.item_tokens, span_text(found), item.text)
