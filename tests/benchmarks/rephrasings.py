"""How many questions in other words `udfs.rephrasings` finds, and what it convicts of real prompts.

    python -m tests.benchmarks.rephrasings --data ../shared/data [--items 200] [--show]

Questions of the benchmark files, drawn by chance, are rephrased by rule: synonyms, other units, other names of persons,
sentences and clauses in another order. Prompts of the source files are searched as they are.
"""

import argparse
import random
import re
import time
from collections import Counter
from pathlib import Path

from udfs.benchmark_items import ItemText, read_items
from udfs.contamination import Limits, Part, index_benchmarks
from udfs.formats.detect import detect_format
from udfs.formats.parse import ParseOptions, parse_record
from udfs.records import read_whole_file
from udfs.rephrasings import index_rephrasings

_PAIRS = """
big large, small little, buy purchase, buys purchases, bought purchased, gets receives, get obtain, total
overall, each every, gives hands, gave handed, makes produces, make produce, made produced, needs requires,
need require, wants wishes, want wish, start begin, starts begins, started began, find determine, write
create, explain describe, function procedure, list array, given provided, number amount, numbers values, check
verify, kids children, children kids, money cash, house home, car vehicle, earns makes, spends pays, spent
paid, friend buddy, friends buddies, also additionally, more further, less fewer, after following, before
preceding, then afterwards, calculate compute, compute calculate, remaining leftover, left remaining, sold
marketed, sells markets, sell market, eats consumes, ate consumed, walks strolls, runs jogs, people persons,
person individual, student pupil, students pupils, teacher instructor, store shop, shop store, works labours,
work labour, job task, happy glad, fast quick, end finish, same identical, different distinct, return yield,
remove delete, sum total, largest biggest, smallest least, first initial, last final, sentence phrase, story
tale, email message, improve enhance, important crucial, provide supply, discuss debate, compare contrast,
suggest recommend, difference distinction, design devise, develop build, happens occurs, happen occur, called
named, believe think, true correct, cost price, pieces bits, travels goes, drives motors, trip journey, picks
gathers, pick gather, whole entire, collected gathered, baked prepared, bakes prepares, uses employs, use
employ, takes requires, take require, took required, bag sack, bags sacks, box carton, boxes cartons, plate
dish, plates dishes, garden yard, road street, lovely beautiful, dollars euros, dollar euro, miles kilometers,
mile kilometer, pounds kilograms, pound kilogram, hours days, hour day, minutes hours, minute hour, feet
meters, foot meter, inches centimeters, cents pence, gallons liters, weeks months, week month
"""
_OTHER = dict(pair.split() for pair in _PAIRS.split(","))
"""Word -> a synonym, or another unit."""
_NAMES = (
    "Alice Bruno Chidi Dalia Emeka Farah Goran Hana Ivo Jamila Kofi Leila Milan Noor Otto Priya Quentin Rosa Sven "
    "Tariq Uma Viktor Wanda Xenia Yusuf Zofia"
)
# Capitalised, and nobody's name.
_NO_NAMES = """
The If How What When Where Why Who Which She They For And But Then Find Write Let Each You His Her Their There This
That These Are Does Can Suppose Given Compute Determine Explain Describe Create After Before Today Yesterday Every
Last All One Two Three Four Five Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March
April May June July August September October November December English French American
"""
_NAME = re.compile(r"\b[A-Z][a-z]{2,}\b")
_CLAUSES = re.compile(r"^(If|When|After|Since)\b ([^,]+), (.+?)([.?!])$")


def rephrased(text: str, chance: random.Random) -> str:
    """The same question in other words."""
    names = _NAMES.split()
    chance.shuffle(names)
    said = [name for name in dict.fromkeys(_NAME.findall(text)) if name not in _NO_NAMES.split()]
    renamed = dict(zip(said, names, strict=False))
    text = _NAME.sub(lambda found: renamed.get(found.group(), found.group()), text)
    text = re.sub(r"[A-Za-z]+", lambda found: _replaced(found.group()), text)
    sentences = re.split(r"(?<=[.?!])\s+", text.strip())
    sentences = [sentences[-1], *sentences[:-1]]
    if len(sentences) > 3:
        sentences[1], sentences[2] = sentences[2], sentences[1]
    return " ".join(map(_turned_round, sentences))


def _replaced(word: str) -> str:
    other = _OTHER.get(word.lower(), word)
    return other.capitalize() if word[0].isupper() and other != word else other


def _turned_round(sentence: str) -> str:
    found = _CLAUSES.match(sentence)
    if not found:
        return sentence
    opening, condition, rest, end = found.groups()
    return f"{rest[0].upper()}{rest[1:]} {opening.lower()} {condition}{end}"


def questions(folder: Path) -> list[ItemText]:
    """The questions of all files, each file a benchmark."""
    items = [
        item for file in sorted(folder.iterdir()) for item in read_items(file.read_bytes(), file.name, file.name, {})
    ]
    return [item for item in items if item.field == "question"]


def prompts(folder: Path) -> list[str]:
    """The different instructions of all source files."""
    found: dict[str, None] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        records = [raw.record for raw in read_whole_file(path.read_bytes(), path.name) if raw.reason is None]
        detected = detect_format(records[:20])
        options = ParseOptions(format=detected.format, fields=detected.fields)
        parsed = (draft for record in records for draft in parse_record(record, options).drafts)
        found |= dict.fromkeys(draft.instruction for draft in parsed if draft.instruction)
    return list(found)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--items", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", action="store_true", help="print what is convicted")
    asked = parser.parse_args()
    items = questions(asked.data / "benchmarks")
    by_run, index = index_benchmarks(items, Limits()), index_rephrasings([item.text for item in items])
    chance = random.Random(asked.seed)
    drawn = chance.sample(range(len(items)), asked.items)
    texts = [rephrased(items[number].text, chance) for number in drawn]
    runs = by_run.overlaps([[Part("prompt", "instruction", text)] for text in texts])
    one_run = {text for text, found in enumerate(runs) if any(one.item == items[drawn[text]] for one in found)}
    in_other_words = {one.text for one in index.rephrasings(texts) if one.item == drawn[one.text]}
    print("| benchmark | rephrased | found by a run | or in other words |\n|---|---:|---:|---:|")
    asked_of = Counter(items[number].benchmark for number in drawn)
    for name, count in asked_of.most_common():
        of_it = {text for text, number in enumerate(drawn) if items[number].benchmark == name}
        print(f"| {name} | {count} | {len(of_it & one_run)} | {len(of_it & (one_run | in_other_words))} |")
    print(f"| all | {len(drawn)} | {len(one_run)} | {len(one_run | in_other_words)} |")
    real = prompts(asked.data / "sources")
    started = time.process_time()
    convicted = list(index.rephrasings(real))
    took = time.process_time() - started
    rows = len({one.text for one in convicted})
    print(f"{rows} of {len(real):,} real prompts convicted; {took / len(real) * 1e6:.0f} us each")
    for one in convicted if asked.show else ():
        print(f"\n{one.similarity:.2f} {items[one.item].text[:300]!r}\n     {real[one.text][:300]!r}")


if __name__ == "__main__":
    main()
