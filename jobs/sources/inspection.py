"""How one file is read, told from its first records: the same answer for `phase0 init` and for a run."""

import json
import re
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import BinaryIO

from jobs.sources.encodings import convert, encoding_advice, likely_wide_encoding
from jobs.sources.listing import FoundFile, is_readable_by_spark, local_path
from schemas.errors import SourceFormatError
from udfs.containers import MAX_RECORD_BYTES, Container, RawRecord, pointed_bytes
from udfs.formats.detect import Detection, detect_format
from udfs.formats.draft import Parsed
from udfs.formats.fields import Refusal
from udfs.formats.json_object import load_object
from udfs.formats.parse import ParseOptions, parse_record, parse_tree, tree_key
from udfs.parquet_head import DamagedParquetError, parquet_rows
from udfs.records import open_file
from udfs.unpacking import Packing

HEAD_RECORDS = 200
_DETECT_RECORDS = 20
_LIST_KEY = re.compile(rb'"([^"\\]{1,100})"\s*:\s*\[\s*\{')

ADVICE: Mapping[str, str] = {
    "truncated": "the file ends early; get it again",
    "corrupt_gzip": "the packed file is damaged; get it again",
    "corrupt_bz2": "the packed file is damaged; get it again",
    "corrupt_xz": "the packed file is damaged; get it again",
    "corrupt_zst": "the packed file is damaged; get it again",
    "corrupt_parquet": "the Parquet file is damaged; get it again",
    "unreadable": "the file could not be opened, or read to its end; look at its rights and its disk",
    "several_objects": "several objects on a line, not all of them usable; jq -c . FILE > NEW gives each its own",
    "decompression_bomb": "it unpacks to more than 100 times its size; unpack it and look at it",
    "html_not_json": "a web page, not the data; get it again, signed in where this is needed",
    "pointer_not_data": "a pointer, not the data: git lfs pull",
    "not_utf8": "not UTF-8; phase0 init FILE guesses what it is in, and iconv -f NAME -t UTF-8 FILE > NEW makes it so",
    "invalid_json": "no JSON; one object a line, or one array, is read, and a table as .csv or .tsv; lines of plain "
    "text: jq -cR '{instruction: .}' FILE > NEW.jsonl",
    "invalid_csv": "the first line must be the header; cells that hold quotes, separators or line breaks must be "
    'quoted, quotes within them doubled ("" for "), in as many columns as the header',
    "not_an_object": "each record must be an object with named fields; jq -c '.[]' FILE > NEW takes them out of lists",
    "not_text": "a text field holds a number, a list or a picture; name the fields with format: table and fields:",
    "wrong_format": "set format: to match, or name the columns with format: table and fields:",
    "missing_instruction": "the field of the instruction is empty; name another one with format: table and fields:",
    "unknown_role": "a message is neither from user nor assistant, system or tool",
    "too_long": "raise ingest.max_chars to read longer texts; no record may have more than 64 MiB",
}
"""What to do about a reason, where a person can."""


_NO_TEXT = "no text: JSON, JSONL, CSV and Parquet are read, packed with gzip, bzip2, xz or zstd, or plain"
_KINDS: Mapping[re.Pattern[bytes], str] = {
    re.compile(rb"PK\x03\x04.{26}(?:\[Content_Types\]|_rels/|docProps/|xl/|mimetype)|\xd0\xcf\x11\xe0", re.DOTALL): (
        "a spreadsheet, or another office file: save it as CSV UTF-8 where it was made"
    ),
    re.compile(rb"PK\x03\x04"): "a zip archive: unzip it",
    re.compile(rb"\x04\x22\x4d\x18"): "packed with lz4: unlz4 it",
    re.compile(rb"7z\xbc\xaf"): "a 7z archive: 7z x FILE",
    re.compile(rb".{257}ustar", re.DOTALL): "a tar archive: tar -xf FILE",
    re.compile(rb"ARROW1|\xff\xff\xff\xff.{4}\x10\0", re.DOTALL): (
        "an Arrow file; in Python: datasets.Dataset.from_file(FILE).to_parquet(NEW)"
    ),
}
"""How files begin that hold no text, and what to do about them."""


@dataclass(frozen=True)
class Head:
    """The first records of a file."""

    container: Container
    records: tuple[RawRecord, ...]
    packing: Packing | None = None
    encoding: str = "utf-8"
    is_all: bool = False
    """Whether the file has no more records."""
    fault: str | None = None
    """Why there are none, and what to do."""

    @property
    def sound(self) -> list[bytes]:
        """Those that can be parsed."""
        return [raw.record for raw in self.records if raw.reason is None]


@dataclass(frozen=True)
class Inspected:
    """How a file is read, and what becomes of its first records."""

    head: Head
    parse: ParseOptions
    why: str
    """One sentence about the format, for the user."""
    parsed: tuple[Parsed, ...]
    """One for each record; empty where the format is not recognised."""
    fault: str | None
    """Why nothing of what was looked at can be used, and what to do; null where something can."""

    @property
    def is_message_rows(self) -> bool:
        """Whether rows are single messages of conversation trees, to be joined."""
        return self.parse.format == "openassistant" and any(tree_key(record) for record in self.head.sound)

    @property
    def refused(self) -> Mapping[str, int]:
        """Records refused by reason, the most frequent first."""
        return _by_reason(self.parsed)


def inspect_file(file: FoundFile, given: ParseOptions, *, is_auto: bool) -> Inspected:
    """Look at a file of this machine.

    Args:
        file: what the listing found.
        given: what the configuration says; its format counts where `is_auto` is false, its fields where there are any.
        is_auto: whether the format is told from the records.

    Raises:
        OSError: the file cannot be opened.
    """
    return judge(file, read_head(file), given, is_auto=is_auto)


def judge(file: FoundFile, head: Head, given: ParseOptions, *, is_auto: bool) -> Inspected:
    """Settle the format of a file from its first records, and say whether any of them can be used."""
    if head.fault:
        return Inspected(head, given, head.fault, (), head.fault)
    detection, unknown = _detected(head)
    if not columns_of(head):
        why = _refused_by(_no_objects(head), head)
        return Inspected(head, given, why, (), why)
    if is_auto and detection is None:
        return Inspected(head, given, unknown, (), unknown)
    parse = given
    if is_auto and detection is not None:
        fields = dict(given.fields) or dict(detection.fields)
        parse = ParseOptions(format=detection.format, use=given.use, fields=fields, max_chars=given.max_chars)
    parsed = _parse(head.records, parse)
    fault: str | None = None
    if all(one.reason for one in parsed):
        if all(one.reason == "wrong_format" for one in parsed):
            fault = f"record 0: not in the format {parse.format}; {_seen(detection, unknown, parse.format)}"
        else:
            fault = _refused_by(_by_reason(parsed), head)
    return Inspected(head, parse, detection.why if detection else "", parsed, fault)


def _seen(detection: Detection | None, unknown: str, asked: str) -> str:
    """What records that are not in the format that was asked for look like, and what to do."""
    if detection is None:
        return unknown
    if detection.format != asked:
        return f"it looks like {detection.format}. Set format: to match"
    return "it has the keys of that format, and what they hold is of another kind; look at it, or " + (
        "name the columns with format: table and fields:"
    )


def columns_of(head: Head) -> tuple[str, ...]:
    """Keys of the records, in order of appearance."""
    columns: dict[str, None] = {}
    for record in head.sound:
        try:
            columns |= dict.fromkeys(load_object(record))
        except Refusal:
            continue
    return tuple(columns)


@lru_cache(maxsize=4096)
def read_head(file: FoundFile) -> Head:
    """The first records of a file of this machine; one that has not changed is read once."""
    path = local_path(file.path) or file.path
    with open(path, "rb") as opened:
        return head_of(opened, path, file.size)


def head_of(opened: BinaryIO, path: str, size: int) -> Head:
    """The first records of an open file."""
    content = open_file(opened, path)
    container = content.container
    if container == "parquet" and content.packing is None:
        try:
            rows = tuple(parquet_rows(opened, HEAD_RECORDS + 1))
        except DamagedParquetError as error:
            return Head(container, (), fault=f"a damaged Parquet file ({error}); get it again")
        if not is_readable_by_spark(path):
            name = path.rsplit("/", 1)[-1]
            better = name.lstrip("_.").replace(":", "-")
            advice = f"rename it: {shlex.join(['mv', name, better])}"
            return Head(container, (), fault=f"Spark does not read a Parquet file of this name; {advice}")
        return Head(container, rows[:HEAD_RECORDS], is_all=len(rows) <= HEAD_RECORDS, fault=_fault_of_empty(rows))
    kind_fault = _fault_of_kind(container, content.packing, content.head, size)
    if kind_fault:
        return Head(container, (), content.packing, content.encoding, is_all=True, fault=kind_fault)
    records = tuple(islice(content.records, HEAD_RECORDS + 1))
    is_all = len(records) <= HEAD_RECORDS
    no_records = _fault_of_wrapper(container, records) or _fault_of_empty(records)
    return Head(container, records[:HEAD_RECORDS], content.packing, content.encoding, is_all, fault=no_records)


def _fault_of_empty(records: Sequence[RawRecord]) -> str | None:
    return None if records else "no records in it"


def _fault_of_wrapper(container: Container, records: Sequence[RawRecord]) -> str | None:
    """What to do about one object around all records that is too large to be read; null where that is not so."""
    if container != "json_objects" or len(records) != 1 or records[0].reason != "too_long":
        return None
    key = _LIST_KEY.search(records[0].record)
    path = f".[{json.dumps(key.group(1).decode('utf-8', 'replace'))}][]" if key else ".[]"
    limit = MAX_RECORD_BYTES >> 20
    return f"one object of more than {limit} MiB; take its records out: jq -c {shlex.quote(path)} FILE > NEW.jsonl"


def _fault_of_kind(container: Container, packing: Packing | None, head: bytes, size: int) -> str | None:
    """Why a file of this kind holds no records that can be read, null where it may."""
    if container == "pointer":
        what = f"a pointer of {size:,} bytes, not the data"
        if b"annex/objects/" in head:
            return f"{what}: git annex get FILE"
        whole = pointed_bytes(head)
        return f"{what}{f' of {whole:,} bytes' if whole else ''}: git lfs pull"
    if container == "html":
        return ADVICE["html_not_json"]
    if container == "parquet":
        return f"Parquet within {packing}; unpack it"
    if container == "packed":
        return f"packed twice, or {packing} within another packing; unpack it once"
    if container == "binary":
        known = next((words for pattern, words in _KINDS.items() if pattern.match(head)), None)
        wide = None if known else likely_wide_encoding(head)
        return f"text in {wide} without a byte order mark: {convert(wide)}" if wide else known or _NO_TEXT
    return None


def _detected(head: Head) -> tuple[Detection | None, str]:
    try:
        return detect_format(head.sound[:_DETECT_RECORDS]), ""
    except SourceFormatError as error:
        return None, str(error)


def _no_objects(head: Head) -> Counter[str]:
    """Why records are no objects with fields, each counted by its reason."""
    reasons: Counter[str] = Counter()
    for raw in head.records:
        try:
            reasons[raw.reason or ("wrong_format" if load_object(raw.record) == {} else "")] += 1
        except Refusal as refusal:
            reasons[refusal.reason] += 1
    return +Counter({reason: count for reason, count in reasons.items() if reason})


def _refused_by(reasons: Mapping[str, int], head: Head) -> str:
    """None of the records can be used: why, and what to do about the most frequent reason."""
    count = len(head.records)
    listed = ", ".join(f"{number:,} {reason}" for reason, number in Counter(reasons).most_common())
    worst = next((reason for reason, _ in Counter(reasons).most_common() if reason in ADVICE), "")
    advice = encoding_advice_of(head) if worst == "not_utf8" else ADVICE.get(worst, "")
    return f"none of the first {count:,} records can be used: {listed}{'; ' + advice if advice else ''}"


def encoding_advice_of(head: Head) -> str:
    """What to do about records that are not UTF-8; empty where there are none."""
    pieces = [raw.record for raw in head.records if raw.reason in (None, "not_utf8") and not _is_utf8(raw.record)]
    return encoding_advice(pieces) if pieces else ""


def _is_utf8(record: bytes) -> bool:
    try:
        record.decode()
    except UnicodeDecodeError:
        return False
    return True


def _by_reason(parsed: Sequence[Parsed]) -> dict[str, int]:
    counts = Counter(one.reason for one in parsed if one.reason)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _parse(records: Sequence[RawRecord], options: ParseOptions) -> tuple[Parsed, ...]:
    """Read the records; messages of OpenAssistant together with the others of their tree."""
    parsed = [Parsed(reason=raw.reason) if raw.reason else parse_record(raw.record, options) for raw in records]
    if options.format == "openassistant":
        trees: dict[str, list[int]] = {}
        for place, raw in enumerate(records):
            if raw.reason is None and (tree := tree_key(raw.record)):
                trees.setdefault(tree, []).append(place)
        for places in trees.values():
            joined = parse_tree([records[place].record for place in places], options)
            for place, one in zip(places, joined, strict=True):
                parsed[place] = one
    return tuple(parsed)
