"""What is shown of batches, on a terminal of eighty columns and for names that would be markup."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from io import StringIO

from rich.console import Console

from jobs.batches.lines import batches_line
from jobs.batches.show import batch_table, show_batches
from tests.batches.test_batch_queue import DONE, NOW, OUT


def shown(*batches, width=80):
    console = Console(file=StringIO(), width=width)
    console.print(batch_table(batches, NOW))
    return console.file.getvalue()


def test_a_batch_that_is_out_shows_what_it_may_cost_and_one_that_is_taken_in_what_it_has():
    out = replace(OUT, batch_id="batch_1", done=4, provider_state="in_progress")
    taken_in = replace(DONE, batch_id="batch_0", cost_usd=Decimal("0.12"), intent_at=NOW - timedelta(minutes=5))
    said = shown(out, taken_in, width=120)
    rows = [line.split() for line in said.splitlines() if "batch_" in line]
    assert rows[0] == ["batch_1", "distill", "m", "in_progress", "10", "4", "1", "h", "00", "min", "≤", "$1.0000"]
    assert rows[1] == ["batch_0", "distill", "m", "completed,", "taken", "in", "10", "10", "5", "min", "$0.1200"]
    assert batches_line([out, taken_in]) == (
        "batches: 1 taken in, 10 answers for $0.1200; 1 out, 4 of 10 requests answered, at most $1.0000"
    )


def test_numbers_are_whole_on_a_narrow_terminal_and_names_are_no_markup():
    said = shown(replace(OUT, batch_id="[bold]batch_" + "x" * 60, model="[red]m\x1b[2J", requests=50_000))
    assert "50,000" in said and "≤ $1.0000" in said and "1 h 00 min" in said
    assert "[bold]" in said and "\x1b" not in said and "…" not in said


def test_without_batches_it_says_how_there_are_some_and_old_ones_are_counted():
    console = Console(file=StringIO(), width=100)
    show_batches(console, [], NOW)
    show_batches(console, [replace(DONE, batch_key=f"k{n}", cost_usd=Decimal(1)) for n in range(23)], NOW)
    said = console.file.getvalue()
    assert "no batches yet" in said and "and 3 earlier ones" in said and "k3 " in said and "k2 " not in said
