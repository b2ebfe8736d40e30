"""What is seen while calls are made: on a terminal, in a log, in a notebook, and from another process."""

import io
import json
import re
import time
from decimal import Decimal

import pytest
from rich.console import Console

from jobs.online.figures import read_progress
from jobs.online.panel import Pace, WaveWatch, watch_calls
from jobs.rendering.money import cents
from jobs.rendering.progress import Progress
from tests.support.small_disk import fill, mounted
from tests.support.waves import context, drive, endpoint, request
from udfs.llm.journal_tail import JournalTail
from udfs.llm.models import RateLimits

QUICK = Pace(look=0.05, write=0.1, line=0.2)
KEY = ("test", "m")


def terminal():
    return Console(file=io.StringIO(), force_terminal=True, width=100, color_system=None)


def log():
    return Console(file=io.StringIO(), force_terminal=False, width=200)


def written(console):
    return console.file.getvalue()


def watch(tmp_path, **changes):
    fields = {
        "stage": "distill",
        "names": {KEY: "teach"},
        "waiting": {KEY: 40},
        "done_before": {KEY: 5},
        "pending": {KEY: 0},
        "limits": {KEY: RateLimits(rpm=600)},
        "spent_usd": Decimal("1.25"),
        "cap_usd": Decimal(5),
        "journal": str(tmp_path / "wave"),
    }
    return WaveWatch(**{**fields, **changes})


def call(provider, tmp_path, **behaviour):
    """Forty real calls, four at a time."""
    provider.behave(latency_seconds=0.05, **behaviour)
    wave = context(tmp_path, [endpoint(provider.base_url, limits=RateLimits(max_in_flight=4))])
    return drive([request(f"t{number}") for number in range(40)], wave).values()


def test_on_a_terminal_the_panel_is_part_of_the_live_line_and_one_line_a_model_stays(provider, tmp_path):
    console = terminal()
    progress = Progress(console)
    with progress.stage("distill", "pair prompts with answers"):
        assert progress.is_live
        with watch_calls(progress, str(tmp_path), watch(tmp_path), run_id="r1", pace=QUICK):
            outcomes = call(provider, tmp_path, shares={"refused": 0.2})
    refused = sum(outcome.state == "refused" for outcome in outcomes)
    spent = sum(outcome.cost_usd for outcome in outcomes)

    shown = written(console)
    assert 0 < refused < 20
    assert "distill: asking teach: 40 requests" in shown and "req/min" in shown and "/600" in shown
    lines = [line.strip() for line in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown).replace("\r", "\n").splitlines()]
    assert f"teach: {40 - refused} answered, {refused} refused; 40 calls, {cents(spent)}" in lines
    assert f"{cents(Decimal('1.25') + spent)} of $5.00 spent" in lines
    assert not progress.is_live


def test_the_panel_is_gone_after_the_wave_and_the_stage_goes_on(tmp_path):
    console = terminal()
    progress = Progress(console)
    with progress.stage("distill", "title"):
        with watch_calls(progress, str(tmp_path), watch(tmp_path), run_id="r1", pace=QUICK):
            time.sleep(0.3)
        seen = len(written(console))
        progress.step("settling")
        time.sleep(0.3)
    after = written(console)[seen:]
    assert "req/min" in written(console)[:seen] and "settling" in after and "req/min" not in after


def test_in_a_log_there_are_plain_lines_now_and_then(provider, tmp_path):
    console = log()
    progress = Progress(console)
    with (
        progress.stage("distill", "title"),
        watch_calls(progress, str(tmp_path), watch(tmp_path), run_id="r1", pace=QUICK),
    ):
        assert not progress.is_live
        call(provider, tmp_path)
    lines = written(console).splitlines()
    during = [
        line for line in lines if re.match(r"  distill: teach: \d+ done, \d+ pending, 0 failed, \d in flight; ", line)
    ]
    assert during and "\x1b" not in written(console)
    assert any("of $5.00 spent" in line and line.startswith("  distill: $1.2") for line in lines)
    assert [line for line in lines if line.startswith("  teach: 40 answered; 40 calls, $")]


def test_a_log_has_no_line_before_it_is_due(tmp_path):
    console = log()
    with watch_calls(Progress(console), str(tmp_path), watch(tmp_path), run_id="r1", pace=Pace(look=0.02)):
        time.sleep(0.2)
    assert written(console).splitlines() == [
        "  : asking teach: 40 requests",
        "  teach: 0 answered, 40 pending; 0 calls, $0.00",
        "  $1.25 of $5.00 spent",
    ]


def test_another_process_reads_the_figures_while_and_after_the_calls_are_made(provider, tmp_path):
    workspace = str(tmp_path)
    with watch_calls(Progress(log()), workspace, watch(tmp_path), run_id="r7", pace=QUICK):
        call(provider, tmp_path)
        time.sleep(0.3)
        during = read_progress(workspace)
        assert JournalTail(watch(tmp_path).journal).look()[KEY].calls == 40
    after = read_progress(workspace)
    assert (during.is_over, after.is_over) == (False, True)
    assert (after.run_id, after.stage, after.endpoints[0].done) == ("r7", "distill", 45)
    assert after.endpoints[0].pending == 0 and after.endpoints[0].in_flight == 0
    assert after.spent_usd == Decimal("1.25") + after.endpoints[0].spent_usd > Decimal("1.25")
    said = json.loads((tmp_path / "progress.json").read_text())
    assert said["host"] and said["pid"] and said["at"].startswith("20")


@pytest.mark.parametrize("where", ["journal", "progress.json"])
def test_whatever_goes_wrong_with_looking_is_said_once_and_the_calls_go_on(provider, tmp_path, where):
    console = log()
    workspace = tmp_path / "ws"
    wave = tmp_path / "wave"
    if where == "journal":
        wave.mkdir()
        (wave / "broken.jsonl").write_text('{"kind": "sent"}\n' * 3)
    else:
        workspace.write_text("a file where the folder should be")
    with watch_calls(Progress(console), str(workspace), watch(tmp_path), run_id="r1", pace=QUICK):
        outcomes = call(provider, tmp_path / "calls")
    assert all(outcome.state == "answered" for outcome in outcomes)
    warnings = [line for line in written(console).splitlines() if line.startswith("warning: ")]
    assert len(warnings) == 1 and "cannot be" in warnings[0] and "the calls go on" in warnings[0]


def test_a_disk_that_fills_up_costs_the_figures_of_that_time_and_nothing_else(provider, tmp_path):
    console = log()
    with mounted(tmp_path / "disk", "size=64k") as disk:
        with watch_calls(Progress(console), str(disk), watch(tmp_path), run_id="r1", pace=QUICK):
            time.sleep(0.3)
            before = (disk / "progress.json").read_bytes()
            fill(disk)
            outcomes = call(provider, tmp_path)
            time.sleep(0.3)
            during = sorted(path.name for path in disk.iterdir()), (disk / "progress.json").read_bytes()
            (disk / "ballast").unlink()
        after = read_progress(str(disk))
    assert during == (["ballast", "progress.json"], before), (
        "the last figures stay whole, and half a file is taken away"
    )
    assert all(outcome.state == "answered" for outcome in outcomes)
    assert (after.is_over, after.endpoints[0].done) == (True, 45), "written again once there is room"
    warnings = [line for line in written(console).splitlines() if line.startswith("warning: ")]
    assert len(warnings) == 1
    assert "progress.json cannot be written (OSError: [Errno 28] No space left on device" in warnings[0]


def test_an_error_of_the_wave_is_raised_and_the_figures_are_written_all_the_same(tmp_path):
    with (
        pytest.raises(KeyboardInterrupt),
        watch_calls(Progress(log()), str(tmp_path), watch(tmp_path), run_id="r1", pace=QUICK),
    ):
        raise KeyboardInterrupt
    assert read_progress(str(tmp_path)).is_over
