"""How far paid calls are: exact figures from what is known before a wave and what its journal says."""

from collections import Counter, deque
from datetime import datetime, timedelta, timezone
from decimal import Decimal

from jobs.online.figures import WaveWatch, figures_before, look_again, read_progress, write_progress
from jobs.online.table import call_panel, duration, endpoint_line, refused_text, short, summary_line, total_line
from jobs.rendering.money import cents
from tests.support.panels import shown
from udfs.llm.journal_tail import Seen
from udfs.llm.models import RateLimits

START = datetime(2026, 7, 1, 12, 0, tzinfo=timezone.utc)
GPT, LOCAL = ("openai", "gpt-4o"), ("127.0.0.1:8000", "qwen")


def watch(**changes):
    fields = {
        "stage": "distill",
        "names": {GPT: "gpt[bold]-4o", LOCAL: "local"},
        "waiting": {GPT: 100, LOCAL: 10},
        "done_before": {GPT: 1_000},
        "pending": {GPT: 400},
        "limits": {GPT: RateLimits(rpm=500, tpm=200_000)},
        "spent_usd": Decimal("2.50"),
        "cap_usd": Decimal(10),
        "journal": "w/journal/distill-1-0001",
    }
    return WaveWatch(**{**fields, **changes})


def figures_at(seconds, seen, *, is_over=False, **changes):
    before = figures_before(watch(**changes), run_id="r1", host="here", pid=7, now=START)
    return look_again(before, seen, START + timedelta(seconds=seconds), is_over=is_over)


def sent_every_second(count):
    return deque((START.timestamp() + number, 100.0) for number in range(count))


def some_calls():
    return {
        GPT: Seen(
            calls=60,
            done=Counter({"answered": 50, "refused": 3, "truncated": 2}),
            failures=Counter({"rate_limited": 4}),
            spent_usd=Decimal("0.75"),
            in_flight={"w.1": Decimal("0.02"), "w.2": Decimal("0.03")},
            recent=sent_every_second(60),
        )
    }


def test_before_the_first_call_everything_is_pending_and_no_rate_is_known():
    figures = figures_at(0, {})
    gpt, local = figures.endpoints
    assert (gpt.done, gpt.pending, gpt.failed) == (1_000, 500, 0) and (local.done, local.pending) == (0, 10)
    assert (figures.spent_usd, figures.at_risk_usd) == (Decimal("2.50"), Decimal(0))
    assert gpt.eta_seconds is None and figures.eta_seconds is None


def test_every_request_is_done_pending_or_failed_and_the_money_is_that_of_the_workspace():
    figures = figures_at(110, some_calls())
    gpt = figures.endpoints[0]
    assert (gpt.done, gpt.pending, gpt.failed) == (1_050, 445, 5)
    assert gpt.done + gpt.pending + gpt.failed == 1_000 + 100 + 400
    assert (figures.spent_usd, figures.at_risk_usd) == (Decimal("3.25"), Decimal("0.05"))
    # Sent at seconds 0 to 59; of them 51 to 59 are within the minute before second 110.
    assert (gpt.requests_last_minute, gpt.tokens_last_minute) == (9, 900)
    # 55 have ended in 110 seconds.
    assert gpt.eta_seconds == 445 * 110 / 55
    assert figures.eta_seconds is None, "nothing is known of the other model yet"


def test_the_time_left_is_that_of_the_slowest_model_and_none_where_nothing_is_left():
    slow = Seen(calls=2, done=Counter({"answered": 1}), recent=sent_every_second(2))
    figures = figures_at(110, {**some_calls(), LOCAL: slow})
    assert figures.eta_seconds == 9 * 110
    done = Seen(calls=10, done=Counter({"answered": 10}), recent=sent_every_second(10))
    figures = figures_at(110, {**some_calls(), LOCAL: done})
    assert figures.endpoints[1].eta_seconds == 0 and figures.eta_seconds == 445 * 110 / 55


def test_the_rate_counts_from_the_first_call_although_the_journal_forgets_when_that_was():
    early = figures_at(10, {GPT: Seen(calls=1, done=Counter({"answered": 1}), recent=sent_every_second(1))})
    late = Seen(calls=600, done=Counter({"answered": 50}), recent=deque([(START.timestamp() + 590, 100.0)]))
    figures = look_again(early, {GPT: late}, START + timedelta(seconds=600), is_over=False)
    assert figures.endpoints[0].eta_seconds == 450 * 600 / 50


def test_a_model_that_nobody_announced_is_shown_by_its_own_name():
    figures = figures_at(5, {("p", "fallback"): Seen(calls=1, spent_usd=Decimal("0.1"))})
    assert figures.endpoints[2].name == "fallback" and figures.spent_usd == Decimal("2.60")


def test_progress_json_gives_back_the_same_figures_and_a_broken_one_none(tmp_path):
    assert read_progress(str(tmp_path)) is None
    figures = figures_at(110, some_calls(), is_over=True)
    write_progress(str(tmp_path), figures)
    assert read_progress(str(tmp_path)) == figures
    assert [path.name for path in tmp_path.iterdir()] == ["progress.json"]
    (tmp_path / "progress.json").write_text('{"stage": "distill"}')
    assert read_progress(str(tmp_path)) is None


def test_the_panel_says_it_all_within_eighty_columns():
    lines = shown(call_panel(figures_at(110, some_calls())), width=80).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == ["done", "pending", "failed", "req/min", "tok/min", "spent", "time", "left"]
    assert lines[2].split() == ["gpt[bold]-4o", "1,050", "445", "5", "9/500", "900/200k", "$0.75", "15", "min"]
    assert lines[3].split() == ["local", "0", "10", "0", "0", "0", "$0.00", "-"]
    assert lines[4] == "$3.25 of $10.00 spent, at worst $0.05 more in flight; time left not known yet"
    assert lines[5] == "calls without an answer: gpt[bold]-4o 4 rate_limited"


def test_the_lines_of_a_log_say_the_same():
    figures = figures_at(110, some_calls())
    assert endpoint_line(figures.endpoints[0]) == (
        "gpt[bold]-4o: 1,050 done, 445 pending, 5 failed, 2 in flight; last minute 9/500 requests, 900/200k tokens; "
        "$0.75; about 15 min left"
    )
    over = figures_at(110, some_calls(), is_over=True, cap_usd=None)
    assert summary_line(over.endpoints[0]) == (
        "gpt[bold]-4o: 50 answered, 3 refused, 2 truncated, 445 pending; 60 calls (4 rate_limited), $0.75; "
        "2 calls did not end, at worst $0.05"
    )
    assert total_line(over) == "$3.25 spent, at worst $0.05 more by calls that did not end"
    assert refused_text(figures_at(1, {})) == ""


def test_amounts_are_rounded_up_so_that_what_costs_something_is_never_shown_as_nothing():
    assert [cents(Decimal(amount)) for amount in ("0", "0.0000041", "0.0101", "1234.5")] == [
        "$0.00",
        "$0.000005",
        "$0.02",
        "$1,234.50",
    ]
    assert [short(number) for number in (0, 9_999, 12_345, 2_500_000)] == ["0", "9,999", "12k", "2.5M"]
    assert [duration(seconds) for seconds in (None, 0, 59.2, 61, 3_600, 7_322)] == [
        "-",
        "0 s",
        "60 s",
        "2 min",
        "1 h 00 min",
        "2 h 03 min",
    ]
