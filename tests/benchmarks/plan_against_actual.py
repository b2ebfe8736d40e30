"""What a plan says after a probe, against what the run then costs: `python -m tests.benchmarks.plan_against_actual`.

A provider on the loopback answers at log-normal lengths, as two teachers and a judge at real models' prices. First the
assumed plan, then a probe, then the plan again, then the run: its bill beside both. After that the ledger of the
whole run is drawn from, a thousand probes of each size by chance: how far the expectation is off, and how often the
95 % interval holds the rest of the bill. All of it by the code of the product.
"""

import argparse
import random
import statistics
import tempfile
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console

from jobs.answers.acceptance import Acceptance
from jobs.answers.specs import judge_spec, teacher_specs
from jobs.budget.approval import Approval
from jobs.budget.costs import Judge, make_plan
from jobs.budget.measured import Measured, Measurements, Part
from jobs.budget.outlook import find_outlook
from jobs.budget.plan import plan_from_tables
from jobs.budget.report import show_plan
from jobs.budget.rows import Prompts
from jobs.config.load import load_settings
from jobs.config.settings import Settings
from jobs.ledger.usage import CallLedger, read_call_ledger
from jobs.run.probe import run_probe
from jobs.workspace.runtime import Runtime
from tests.support.demo import demo_conf
from tests.support.paid import MODELS, ledger_usd, open_paid, pay, prompts, write_config
from tests.support.provider import Behaviour, Call, Provider
from tests.support.provider_process import ProviderProcess
from udfs.llm.cost import Usage, cost_of

# US dollars per million tokens: gpt-4o, Llama-3.3-70B and gpt-4o-mini as conf/providers.yaml has them.
PRICES = dict(zip(MODELS, ((2.5, 10), (1.04, 1.04), (0.15, 0.6)), strict=True))
SIZES = (50, 100, 200, 400)
DRAWS = 1_000
EXPECTED = Acceptance(0.8, {}, {})
WORDS = 250


def configure(folder: Path, provider: ProviderProcess, count: int) -> Path:
    """Two teachers that answer 60 and 40 % of the prompts, with room for 1,024 tokens, and a judge."""
    models = {name: {"prices": {"input": dollars[0], "output": dollars[1]}} for name, dollars in PRICES.items()}
    teacher = {"kind": "model", "provider": "test", "max_tokens": 1024}
    conf = {**demo_conf(), "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1"}
    teachers = [
        {"name": "a", "model": "model-a", "weight": 60} | teacher,
        {"name": "b", "model": "model-b", "weight": 40} | teacher,
    ]
    return write_config(
        folder,
        provider,
        prompts(count),
        providers={"test": {"base_url": provider.base_url, "models": models}},
        distill={"when": "always", "teachers": teachers},
        budget={"run_usd": 1000},
        spark={"master": "local[2]", "driver_memory": "2g", "shuffle_partitions": 1, "conf": conf},
    )


_USED = """
with used as (
    select request_id, sum(prompt_tokens) as prompt, sum(completion_tokens) as completion, sum(cost_usd) as usd
    from {attempts} group by request_id
),
judged as (
    select judgements.pair_id, sum(prompt) as prompt, sum(completion) as completion, sum(usd) as usd
    from {judgements} as judgements join used on used.request_id = judgements.request_id
    group by judgements.pair_id
)
select requests.model, used.prompt, used.completion, used.usd,
    judged.prompt as judge_prompt, judged.completion as judge_completion, judged.usd as judge_usd
from {pairs} as pairs
join used on used.request_id = pairs.request_id
join {requests} as requests on requests.request_id = pairs.request_id
join judged on judged.pair_id = pairs.pair_id
order by pairs.pair_id
"""
Row = dict[str, Any]


def measured_of(rows: Sequence[Row]) -> Measurements:
    """What a probe of these prompts would have measured."""
    parts: dict[tuple[Part, str, str], Measured] = {}
    for model in MODELS[:2]:
        own = [(row["prompt"], row["completion"]) for row in rows if row["model"] == model]
        parts["answers", "test", model] = _summed(own)
    parts["judged answers", "test", MODELS[2]] = _summed(
        [(row["judge_prompt"], row["judge_completion"]) for row in rows]
    )
    return Measurements(parts)


def _summed(used: Sequence[tuple[int, int]]) -> Measured:
    return Measured(
        requests=len(used),
        ended=len(used),
        attempts=len(used),
        unanswered=0,
        prompt_tokens=sum(prompt for prompt, _ in used),
        cached_tokens=0,
        completion_tokens=sum(answer for _, answer in used),
        prompt_squares=float(sum(prompt**2 for prompt, _ in used)),
        completion_squares=float(sum(answer**2 for _, answer in used)),
        products=float(sum(prompt * answer for prompt, answer in used)),
    )


def draw_probes(settings: Settings, rows: Sequence[Row], size: int) -> tuple[list[float], float, float]:
    """Many probes of one size.

    Returns:
        How far each expectation of the rest is off, as a share of what it cost; the share of the intervals that hold
        what it cost; and the mean half width of the intervals, as a share of the expectation.
    """
    total = sum((row["usd"] + row["judge_usd"] for row in rows), Decimal(0))
    specs, judge = teacher_specs(settings), judge_spec(settings)
    assert judge is not None
    counts = [Prompts("general", len(rows), 0, 60.0, 0.0)]
    routed = {"general": Counter("ab"[row["model"] == MODELS[1]] for row in rows)}
    errors, widths, held = [], [], 0
    for number in range(DRAWS):
        chosen = random.Random(f"{size} {number}").sample(rows, size)
        rest = float(total - sum((row["usd"] + row["judge_usd"] for row in chosen), Decimal(0)))
        plan = make_plan(settings, counts, specs, Judge(judge, 2_500), EXPECTED, measured_of(chosen), routed)
        outlook = find_outlook(plan, CallLedger())
        expected, margin = float(outlook.to_go_usd()), float(outlook.margin_usd or 0)
        errors.append(expected / rest - 1)
        widths.append(margin / expected)
        held += abs(expected - rest) <= margin
    return errors, held / DRAWS, statistics.mean(widths)


def calculated(settings: Settings, count: int, spread: float, seed: int) -> list[Row]:
    """The rows of such a run as the provider would bill them, without the run."""
    provider, prices = (
        Provider(),
        {spec.endpoint.model: spec.endpoint.prices for spec in teacher_specs(settings).values()},
    )
    provider.behave(Behaviour(answer_words=WORDS, spread=spread, seed=seed))
    judge = judge_spec(settings)
    assert judge is not None
    rows = []
    for number in range(count):
        model = MODELS[random.Random(f"{seed} {number}").random() >= 0.6]
        words = provider.words(Call(f"t{number}", model, 0.0, 1, 30, 1024, "ok"))
        answer = min(1024, words + 4)
        read = 650 + words * 9 // 4  # rubric and prompt, and what the provider takes for tokens of the answer
        usd = cost_of(Usage(30, answer), prices[model])
        judge_usd = cost_of(Usage(read, 40), judge.endpoint.prices)
        row = {"model": model, "prompt": 30, "completion": answer, "usd": usd}
        rows.append({**row, "judge_prompt": read, "judge_completion": 40, "judge_usd": judge_usd})
    return rows


def report_probes(settings: Settings, rows: Sequence[Row]) -> None:
    """Print how good probes of several sizes are."""
    print(f"\n{DRAWS:,} probes of each size, drawn by chance from {len(rows):,} prompts:")
    print("prompts   median error   95th percentile   within ± 5 %   interval holds it   mean interval")
    for size in SIZES:
        if size < len(rows):
            errors, held, width = draw_probes(settings, rows, size)
            sizes = sorted(map(abs, errors))
            within = sum(error <= 0.05 for error in sizes) / len(sizes)
            print(
                f"{size:>7}{statistics.median(sizes):>15.1%}{sizes[int(0.95 * len(sizes))]:>18.1%}{within:>15.1%}"
                f"{held:>20.1%}      ± {width:>9.1%}"
            )


def say_outlook(name: str, runtime: Runtime) -> tuple[Decimal, Decimal | None]:
    """Print what is expected of the rest; the same with its margin."""
    outlook = find_outlook(plan_from_tables(runtime), read_call_ledger(runtime))
    margin = "" if outlook.margin is None else f" ± {outlook.margin:.1%}"
    print(f"{name:<28}rest ${outlook.to_go_usd():.4f}{margin}, paid ${outlook.paid_usd():.4f}", flush=True)
    return outlook.to_go_usd(), outlook.margin_usd


def main() -> None:
    """Start Spark and a provider, plan, probe, plan, run, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=2_000)
    parser.add_argument("--probe", type=int, default=200)
    parser.add_argument("--spread", type=float, default=0.6, help="standard deviation of the logarithm of the lengths")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--calculate", action="store_true", help="only draw probes, from what a run would be billed")
    arguments = parser.parse_args()
    if arguments.calculate:
        with tempfile.TemporaryDirectory() as name, ProviderProcess() as provider:
            settings = load_settings(str(configure(Path(name), provider, 1)))
        report_probes(settings, calculated(settings, arguments.prompts, arguments.spread, arguments.seed))
        return
    with tempfile.TemporaryDirectory() as name, ProviderProcess() as provider:
        bad = {f"t{number}": 5 for number in range(arguments.prompts) if random.Random(number).random() < 0.2}
        provider.behave(
            answer_words=WORDS, spread=arguments.spread, seed=arguments.seed, ratings=bad, shares={"500": 0.02}
        )
        runtime = open_paid(configure(Path(name), provider, arguments.prompts))
        pay(runtime, "ingest", "deduplicate-prompts")
        say_outlook("assumed", runtime)
        run_probe(runtime, arguments.probe, Approval(is_given=True))
        expected, margin = say_outlook(f"after a probe of {arguments.probe}", runtime)
        console = Console(file=StringIO(), width=120)
        show_plan(console, runtime.settings, plan_from_tables(runtime), "", ledger=read_call_ledger(runtime))
        paid = ledger_usd(runtime)
        pay(runtime, "distill", "score")
        rest = ledger_usd(runtime) - paid
        print(f"{'the run':<28}rest ${rest:.4f}: the plan was {float(expected / rest - 1):+.1%} off")
        assert margin is not None
        print(f"{'':<28}{'within' if abs(expected - rest) <= margin else 'outside'} its interval")
        twice = provider.summary()["tokens_paid_twice"]
        print(f"{'':<28}{len(provider.calls()):,} calls; prompts asked of a teacher and the judge once each: {twice:,}")
        print(console.file.getvalue())  # type: ignore[attr-defined]
        report_probes(runtime.settings, runtime.query(_USED))


if __name__ == "__main__":
    main()
