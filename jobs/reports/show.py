"""Rows of one fate with their text, so that a person can judge the verdict."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel

from jobs.curation.reviews import LATEST_VERDICTS
from jobs.deduplication.figures import proof_of
from jobs.rendering.scores import score_said
from jobs.rendering.terminal import EXCERPT_CHARS, excerpt
from jobs.workspace.queries import Answer, with_parts
from jobs.workspace.runtime import Runtime
from schemas.errors import ConfigError
from schemas.tables import CONTAMINATION, REVIEWS

# The first examples of each fate by id. Only their ids are ordered and joined; texts are fetched for those few.
_CHOSEN = """
select example_id, source, stage, reason, duplicate_of
from (
    select *, row_number() over (partition by reason order by example_id) as place
    from {fates} where {filter}
) as placed
where place <= :count
order by stage, reason, example_id
"""
_EXAMPLES = """
select example_id, instruction, reference_response, category, system, history
from {examples} where example_id in (:ids)
"""
# Of each example the pair that is selected, else the one that came furthest.
_PAIRS = """
select example_id, pair_id, answer, quality_tenths, scorer, score_reason
from (
    select
        pairs.example_id, pairs.pair_id, pairs.response as answer, scores.quality_tenths, scores.scorer,
        scores.reason as score_reason,
        row_number() over (
            partition by pairs.example_id
            order by
                case when selection.pair_id is null then 2 when selection.reason is null then 0 else 1 end,
                selection.quality_tenths desc nulls last, pairs.sample, pairs.pair_id
        ) as place
    from (select * from {pairs} where example_id in (:ids)) as pairs
    left join {selection} as selection on selection.pair_id = pairs.pair_id
    left join {scores} as scores on scores.pair_id = pairs.pair_id
) as placed
where place = 1
"""
_PROOFS = "select * from {duplicates} where id in (:ids)"
# Of what an example holds of benchmarks the item that it holds most of.
_ITEMS = """
select example_id, span, concat(benchmark, ' ', item, ', ', field, ', in the ', side, ': ', item_text) as item
from (
    select *, row_number() over (
        partition by example_id order by share desc, tokens desc, benchmark, item, field, side
    ) as place
    from {contamination} where effect = 'exclude' and example_id in (:ids)
) as placed
where place = 1
"""
# A verdict on a model's answer has the id of its pair.
_SPANS = """
select coalesce(pairs.example_id, screen.id) as example_id, screen.rule as reason, min(screen.span) as span
from {screen} as screen
left join (select pair_id, example_id from {pairs} where example_id in (:ids)) as pairs on pairs.pair_id = screen.id
where screen.id in (:ids) or pairs.example_id is not null
group by coalesce(pairs.example_id, screen.id), screen.rule
"""


def sample_examples(
    runtime: Runtime, per_reason: int, reason: str | None = None, source: str | None = None
) -> list[Answer]:
    """Examples of each fate, first by id, with text, twin, score and matched span.

    Returns:
        Rows of example_id, source, stage, reason, instruction, response (of the pair that came furthest, else the
        source's own), twin (its instruction, or what is published), twin_response, duplicate_of, jaccard, turn_jaccard,
        own_jaccard, item (of a benchmark), quality_tenths, scorer, score_reason, review, span,
        category, system and history.
    """
    chosen = _ask_filtered(runtime, _CHOSEN, per_reason, reason, source)
    ids = [row["example_id"] for row in chosen]
    with_twins = {*ids, *(row["duplicate_of"] or "" for row in chosen)}
    texts = _by("example_id", runtime.query(_EXAMPLES, ids=with_twins))
    pairs = _by("example_id", runtime.query(_PAIRS, ids=with_twins))
    pair_ids = [pair["pair_id"] for pair in pairs.values()]
    proofs = _by("id", runtime.query(_PROOFS, ids=[*ids, *pair_ids]))
    spans = {(row["example_id"], row["reason"]): row["span"] for row in runtime.query(_SPANS, ids=ids)}
    items = _by("example_id", runtime.query(_ITEMS, (CONTAMINATION,), ids=ids))
    reviews = _by("pair_id", runtime.query(LATEST_VERDICTS, (REVIEWS,)))
    found = []
    for row in chosen:
        example, pair = texts[row["example_id"]], pairs.get(row["example_id"], _NO_PAIR)
        twin = texts.get(row["duplicate_of"], {})
        fell = proofs.get(pair["pair_id"] if row["stage"] == "deduplicate-pairs" else row["example_id"], {})
        found.append(
            {
                **row,
                **{name: example[name] for name in ("instruction", "category", "system", "history")},
                "response": _response(example, pair),
                "twin": twin.get("instruction") or _published(row, fell),
                "twin_response": _response(twin, pairs.get(row["duplicate_of"], _NO_PAIR)),
                **{name: fell.get(name) for name in ("jaccard", "turn_jaccard", "own_jaccard")},
                "quality_tenths": pair["quality_tenths"],
                "scorer": pair["scorer"],
                "score_reason": pair["score_reason"],
                "review": _review(reviews.get(pair["pair_id"])),
                "item": items.get(row["example_id"], {}).get("item") if row["reason"] == "contaminated" else None,
                "span": items[row["example_id"]]["span"]
                if row["reason"] == "contaminated" and row["example_id"] in items
                else spans.get((row["example_id"], row["reason"])),
            }
        )
    return found


def _published(row: Answer, fell: Answer) -> str | None:
    """The row of the reference, by its name and its text."""
    if row["reason"] != "duplicate_of_reference" or not fell:
        return None
    return f"{fell['duplicate_of']}: {fell.get('reference_text')}"


_NO_PAIR = dict.fromkeys(("pair_id", "answer", "quality_tenths", "scorer", "score_reason"))


def _response(example: Answer, pair: Answer) -> str | None:
    """The answer of a pair, else what came with the example."""
    answer = example.get("reference_response") if pair["answer"] is None else pair["answer"]
    return None if answer is None else str(answer)


def _by(column: str, rows: Sequence[Answer]) -> dict[str, Answer]:
    return {row[column]: row for row in rows}


def _review(row: Answer | None) -> str | None:
    if row is None:
        return None
    said = " by ".join(filter(None, (row["verdict"], row["reviewer"])))
    return ": ".join(filter(None, (said, row["note"])))


# The first refused records of each reason by place, and then those records themselves.
_REFUSED = """
select source, file, position, reason
from (
    select source, file, position, reason, row_number() over (partition by reason order by file, position) as place
    from {raw_records} where outcome = 'refused' and {filter}
) as placed
where place <= :count
order by reason, file, position
"""
_RECORDS = """
select source, file, position, record from {raw_records}
where outcome = 'refused' and file in (:files) and position in (:positions)
"""


def sample_records(
    runtime: Runtime, per_reason: int, reason: str | None = None, source: str | None = None
) -> list[Answer]:
    """Refused records of each reason, first by place.

    Returns:
        Rows of source, file, position, reason, record.
    """
    chosen = _ask_filtered(runtime, _REFUSED, per_reason, reason, source)
    places = {"files": {row["file"] for row in chosen}, "positions": {row["position"] for row in chosen}}
    records = {_place(row): row["record"] for row in runtime.query(_RECORDS, **places)} if chosen else {}
    return [{**row, "record": records[_place(row)]} for row in chosen]


def _place(row: Answer) -> tuple[str, str, int]:
    return row["source"], row["file"], row["position"]


def _ask_filtered(runtime: Runtime, question: str, count: int, reason: str | None, source: str | None) -> list[Answer]:
    wanted = {name: value for name, value in (("reason", reason), ("source", source)) if value is not None}
    condition = " and ".join(f"{name} = :{name}" for name in wanted) or "true"
    return runtime.query(with_parts(question, filter=condition), count=count, **wanted)


def show_rows(runtime: Runtime, reason: str, count: int, source: str | None) -> None:
    """Print rows of one fate.

    Raises:
        ConfigError: no row has that fate; names the fates there are.
    """
    examples = sample_examples(runtime, count, reason, source)
    records = sample_records(runtime, count, reason, source)
    if not examples and not records:
        known = _known_reasons(runtime)
        where = f" of source {source}" if source else ""
        raise ConfigError(f"no row{where} has the fate {reason}; there are: {', '.join(known)}")
    print_examples(runtime.progress.console, examples)
    print_records(runtime.progress.console, records)


def _known_reasons(runtime: Runtime) -> list[str]:
    rows = runtime.query(
        "select distinct reason from {fates} union select distinct reason from {raw_records} where outcome = 'refused'"
    )
    return sorted(row["reason"] for row in rows)


def print_examples(console: Console, rows: Sequence[Answer]) -> None:
    """Print examples, one panel each."""
    for row in rows:
        parts: list[tuple[str, Any]] = [
            ("system", row["system"]),
            ("history", f"{len(row['history'])} earlier messages" if row["history"] else None),
            ("instruction", row["instruction"]),
            ("response", row["response"]),
            ("twin that stays", row["twin"]),
            ("its response", row["twin_response"]),
            ("item of a benchmark", row["item"]),
            ("found", row["span"]),
            ("score", _score(row)),
            ("review", row["review"]),
        ]
        facts = [f"{row['source']} · {row['category']}", row["example_id"]]
        if row["duplicate_of"]:
            measured = row["jaccard"], row["turn_jaccard"], row["own_jaccard"]
            facts.append(f"{row['duplicate_of']} stays{f', {proof_of(*measured)}' if row['jaccard'] else ''}")
        # Below the frame and not in it: rich cuts a title that is wider than the terminal.
        head = "\n".join(f"[dim]{excerpt(fact)}[/dim]" for fact in facts)
        console.print(Panel(f"{head}\n{_body(parts)}", title=escape(row["reason"]), title_align="left"))


def _score(row: Answer) -> str | None:
    tenths = row["quality_tenths"]
    return None if tenths is None else score_said(tenths, row["scorer"], row["score_reason"])


def print_records(console: Console, rows: Sequence[Answer]) -> None:
    """Print refused records, one panel each."""
    for row in rows:
        place = excerpt(f"{row['source']} · {row['file'].rsplit('/', 1)[-1]}, record {row['position']}")
        text = bytes(row["record"][: EXCERPT_CHARS * 4]).decode("utf-8", "replace")
        body = f"[dim]{place}[/dim]\n{excerpt(text)}"
        console.print(Panel(body, title=escape(row["reason"]), title_align="left"))


def _body(parts: Sequence[tuple[str, Any]]) -> str:
    return "\n".join(f"[bold]{name}:[/bold] {excerpt(text)}" for name, text in parts if text)
