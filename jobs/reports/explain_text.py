"""The life of one row as a person reads it: stage by stage, what was decided and on what grounds."""

from collections.abc import Callable, Iterator

from rich.console import Console
from rich.table import Table as Grid

from jobs.curation.reasons import meaning_of
from jobs.deduplication.figures import proof_of
from jobs.rendering.differing_words import differing_words
from jobs.rendering.scores import verdict
from jobs.rendering.terminal import excerpt
from jobs.reports.explain import Found, Life, record_text
from schemas.calls import ATTEMPTS, JUDGEMENTS, RESPONSES
from schemas.tables import (
    ASSIGNMENTS,
    CONTAMINATION,
    DUPLICATES,
    FATES,
    PAIRS,
    RAW_RECORDS,
    REVIEWS,
    SCORES,
    SCREEN,
    SELECTION,
    Table,
)
from udfs.scoring.heuristic import HEURISTIC

_RECORD_CHARS, _LISTED = 300, 5
_NOT_YET = "[dim]this stage has not run yet[/dim]"


def print_life(console: Console, life: Life) -> None:
    """Print what became of a row and, stage by stage, why."""
    console.print(f"[bold]{life.example_id}[/bold]  {headline(life)}", highlight=False, soft_wrap=True)
    grid = Grid.grid(padding=(0, 2))
    grid.add_column(style="cyan", no_wrap=True)
    grid.add_column(overflow="fold")
    last = ""
    for stage, line in stage_lines(life):
        if last and stage != last:
            grid.add_row("", "")
        grid.add_row("" if stage == last else stage, line)
        last = stage
    console.print(grid, highlight=False)
    kept = next((row["duplicate_of"] for row in life.of(FATES) if "duplicate_of" in row), None)
    if kept:
        console.print(f"\nThe row that stays: phase0 explain {kept}", highlight=False, soft_wrap=True)


def headline(life: Life) -> str:
    """What became of it, in a sentence."""
    if not life.of(FATES):
        return "The run has not come to the selection yet."
    fate = life.of(FATES)[0]
    if fate["reason"] == "selected":
        lines = ", ".join(f"line {line:,}" for line in sorted(life.lines.values()))
        return f"In the data set{f', {lines} of {excerpt(life.file)}' if lines else ', not exported yet'}."
    return f"Left out by {fate['stage']}: {_with_meaning(fate['stage'], fate['reason'])}"


def stage_lines(life: Life) -> Iterator[tuple[str, str]]:
    """Lines of console markup, each with its stage, in the order of the stages. Texts of the data are escaped."""
    for stage, lines in (
        ("ingest", _ingest(life)),
        ("screen", _screen(life)),
        ("decontaminate", _contamination(life)),
        ("deduplicate-prompts", _twins(life, "prompt", life.example_id)),
        ("distill", _distill(life)),
        ("deduplicate-pairs", _of_each_pair(life, DUPLICATES, _pair_twins)),
        ("score", _of_each_pair(life, SCORES, _score)),
        ("select", _of_each_pair(life, SELECTION, _select)),
        ("export", _export(life)),
    ):
        for line in lines:
            yield stage, line


def _ingest(life: Life) -> Iterator[str]:
    example = life.example
    records = example["records"]
    for record in records[:_LISTED]:
        file = excerpt(record["file"].rsplit("/", 1)[-1])
        yield f"read from {excerpt(example['source'])}: {file}, record {record['position']:,}"
    if len(records) > _LISTED:
        yield f"and {len(records) - _LISTED:,} more records that say the same"
    for read in life.of(RAW_RECORDS)[:1]:
        text = record_text(read)
        cut = " …" if len(text) > _RECORD_CHARS else ""
        yield f"[dim]as it was read:[/dim] {excerpt(text[:_RECORD_CHARS])}{cut}"
    facts = example["category"], example.get("language", "language not known"), example["licence"]
    yield ", ".join(map(excerpt, facts))
    if "system" in example:
        yield f"[dim]system:[/dim] {excerpt(example['system'])}"
    if example.get("history"):
        yield f"[dim]history:[/dim] {len(example['history'])} earlier messages"
    yield f"[dim]instruction:[/dim] {excerpt(example['instruction'])}"
    answer = example.get("reference_response")
    yield f"[dim]response:[/dim] {excerpt(answer)}" if answer is not None else "it came without a response"


def _screen(life: Life) -> Iterator[str]:
    if not life.knows(SCREEN):
        yield _NOT_YET
        return
    marks = life.of(SCREEN)
    for mark in marks:
        verb = "keeps it out" if mark["effect"] == "exclude" else "is noted only"
        span = f" [dim]Found:[/dim] {excerpt(mark['span'], 200)}" if mark.get("span") else ""
        yield f"{mark['target']}: {_with_meaning('screen', mark['rule'])} This {verb}.{span}"
    if not marks:
        yield "no rule objects to it"


def _contamination(life: Life) -> Iterator[str]:
    if not life.knows(CONTAMINATION):
        yield _NOT_YET
        return
    marks = life.of(CONTAMINATION)
    for mark in marks:
        item = f"the {mark['field']} of {excerpt(mark['benchmark'])} item {excerpt(mark['item'])}"
        size, noted = f"{mark['tokens']:,} of the {mark['item_tokens']:,}", "A form of words, which is noted only."
        if mark.get("kind") == "rephrased":
            holds = f"its {mark['part']} has {size} words and numbers (similarity {mark['share']:.2f}) of {item}"
            noted = "Noted only."
        else:
            where = f"its {mark['part']}, from token {mark['first_token']:,} on"
            holds = f"{where}, holds {size} tokens ({mark['share']:.0%}) of {item}"
        yield f"{mark['side']}: {holds}. {'This keeps it out.' if mark['effect'] == 'exclude' else noted}"
        yield f"[dim]the benchmark:[/dim] {excerpt(mark['item_text'])}"
        yield f"[dim]this one:[/dim] {excerpt(mark['span'])}"
    if not marks:
        yield "no item of a benchmark was found; `phase0 status` says which were looked for"


def _twins(life: Life, search: str, row_id: str) -> Iterator[str]:
    if not life.knows(DUPLICATES):
        yield _NOT_YET
        return
    fell = life.of(DUPLICATES, **{"pass": search, "id": row_id})
    for row in fell:
        kept = row["duplicate_of"]
        kind = "pair " if search == "pair" else ""
        proof = proof_of(row["jaccard"], row.get("turn_jaccard"), row.get("own_jaccard"))
        numbers = ", and they differ in numbers only" if row.get("numbers_only") else ""
        published = row.get("reference_text")
        stays = f"{excerpt(kept)}, which is published already" if published else f"{kind}{kept}, which stays"
        yield f"falls to {stays}: {proof}{numbers}"
        if published and row_id in life.texts:
            yield f"[dim]that one:[/dim] {_marked(published, life.texts[row_id])}"
            yield f"[dim]this one:[/dim] {_marked(life.texts[row_id], published)}"
        if row_id in life.texts and kept in life.texts:
            yield f"[dim]that one:[/dim] {_marked(life.texts[kept], life.texts[row_id])}"
            yield f"[dim]this one:[/dim] {_marked(life.texts[row_id], life.texts[kept])}"
    others = [row["id"] for row in life.of(DUPLICATES, **{"pass": search, "duplicate_of": row_id})]
    if others:
        more = f" and {len(others) - _LISTED:,} more" if len(others) > _LISTED else ""
        yield f"stays; {len(others):,} fall to it: {', '.join(others[:_LISTED])}{more}"
    targets = ("prompt",) if search == "prompt" else ("response", "answer")
    is_out = any(life.of(SCREEN, target=target, effect="exclude") for target in targets)
    if not fell and not others:
        if is_out:
            yield "took no part, as the screen keeps it out"
        elif life.of(CONTAMINATION, effect="exclude"):
            yield "took no part, as it holds an item of a benchmark"
        else:
            yield "no other is nearly the same"


def _marked(text: str, twin: str) -> str:
    runs = differing_words(text, twin)
    return "".join(f"[reverse]{excerpt(words)}[/reverse]" if differs else excerpt(words) for words, differs in runs)


def _distill(life: Life) -> Iterator[str]:
    if not life.knows(ASSIGNMENTS):
        yield _NOT_YET
        return
    if not life.of(ASSIGNMENTS):
        yield "not asked of anyone"
    for asked in life.of(ASSIGNMENTS):
        actual = asked["actual_teacher"]
        instead = "" if actual == asked["requested_teacher"] else f", in place of {excerpt(asked['requested_teacher'])}"
        request = f", request {excerpt(asked['request_id'])}" if "request_id" in asked else ""
        yield f"given to the teacher {excerpt(actual)}{instead}{request}"
        yield from _calls(life, asked)
    for pair in life.of(PAIRS):
        yield f"answered by {excerpt(pair['answered_by'])}: pair {pair['pair_id']}"
        if "request_id" in pair:
            yield f"[dim]response:[/dim] {excerpt(pair['response'])}"
    if life.of(ASSIGNMENTS) and not life.of(PAIRS):
        yield "no answer"


def _calls(life: Life, asked: Found) -> Iterator[str]:
    """What a request took, and how it ended."""
    attempts = life.of(ATTEMPTS, request_id=asked.get("request_id", ""))
    for attempt in sorted(attempts, key=lambda attempt: attempt["attempt_no"]):
        seconds = f", {attempt['latency_ms'] / 1000:.1f} s" if "latency_ms" in attempt else ""
        tokens = (
            f", {attempt['prompt_tokens']:,} + {attempt['completion_tokens']:,} tokens"
            if "prompt_tokens" in attempt
            else ""
        )
        assumed = ", assumed at worst" if attempt["cost_basis"] == "assumed" else ""
        error = f": {excerpt(attempt['error'])}" if "error" in attempt else ""
        cost = f"${attempt['cost_usd']:.6f}{assumed}"
        yield f"attempt {attempt['attempt_no']}: {excerpt(attempt['status'])}, {cost}{tokens}{seconds}{error}"
    for response in life.of(RESPONSES, request_id=asked.get("request_id", "")):
        if "served_model" in response:
            yield f"[dim]served by the model[/dim] {excerpt(response['served_model'])}"


def _of_each_pair(life: Life, table: Table, say: Callable[[Life, Found], Iterator[str]]) -> Iterator[str]:
    if not life.knows(table) or not life.knows(PAIRS):
        yield _NOT_YET
        return
    pairs = life.of(PAIRS)
    if not pairs:
        yield "no pair comes this far"
    for pair in pairs:
        if len(pairs) > 1:
            yield f"[dim]pair {pair['pair_id']}[/dim]"
        yield from say(life, pair)


def _pair_twins(life: Life, pair: Found) -> Iterator[str]:
    return _twins(life, "pair", pair["pair_id"])


def _score(life: Life, pair: Found) -> Iterator[str]:
    for judgement in sorted(life.of(JUDGEMENTS, pair_id=pair["pair_id"]), key=lambda row: row["ask"]):
        again = " once more" if judgement["ask"] else ""
        yield f"the judge was asked{again}, request {excerpt(judgement['request_id'])}"
        yield from _calls(life, judgement)
    scores = life.of(SCORES, pair_id=pair["pair_id"])
    if not scores:
        yield "not scored"
    for score in scores:
        dimensions = ", ".join(
            f"{excerpt(name)} {value}" for name, value in sorted(score.get("dimensions", {}).items())
        )
        said = f": {dimensions}" if dimensions else ""
        if score["scorer"] == HEURISTIC:
            found = verdict(score["quality_tenths"], score.get("reason"))
            yield f"rules, which grade nothing: {found} (quality_score {score['quality_tenths'] / 10:.1f}{said})"
        else:
            yield f"{score['quality_tenths'] / 10:.1f} by {excerpt(score['scorer'])}{said}"
        if "model" in score:
            yield _prediction(score)
        if score.get("reason"):
            yield f"[dim]because:[/dim] {excerpt(score['reason'])}"


def _prediction(score: Found) -> str:
    """What was learnt of the judge says of the same pair, and whether it counts."""
    said, low, high = (score[name] / 10 for name in ("predicted_tenths", "low_tenths", "high_tenths"))
    if score["scorer"] != "judge":
        why = "which is on one side of the threshold"
    else:
        why = "without having seen the judge's" if score["is_held_out"] else "and the judge was asked"
    return f"predicted {said:.1f}, interval {low:.1f} to {high:.1f}, {why}; model {score['model'][:12]}"


def _select(life: Life, pair: Found) -> Iterator[str]:
    for review in sorted(life.of(REVIEWS, pair_id=pair["pair_id"]), key=lambda review: str(review["reviewed_at"])):
        note = f": {excerpt(review['note'])}" if "note" in review else ""
        yield f"{excerpt(review['reviewer'])} says {excerpt(review['verdict'])}{note}"
    chosen = life.of(SELECTION, pair_id=pair["pair_id"])
    if not chosen:
        yield "not considered"
    for row in chosen:
        yield f"not selected: {_with_meaning('select', row['reason'])}" if "reason" in row else "selected"


def _export(life: Life) -> Iterator[str]:
    if not life.file:
        yield _NOT_YET
        return
    for _, line in sorted(life.lines.items()):
        yield f"line {line:,} of {excerpt(life.file)}"
    if not life.lines:
        yield f"not in {excerpt(life.file)}"


def _with_meaning(stage: str, reason: str) -> str:
    meaning = meaning_of(stage, reason)
    return f"{excerpt(reason)}. {meaning}" if meaning else f"{excerpt(reason)}."
