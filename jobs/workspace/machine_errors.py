"""What went wrong in Spark, Delta or the system, in one line: the cause out of all that is printed, and what to type.

Java wraps: the first line of an error names the call that failed and the last `Caused by:` what happened. Where a
Python worker failed, its own traceback ends with the cause.
"""

import errno
import os
import re
import shlex
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from pathlib import Path

from py4j.protocol import Py4JError, Py4JNetworkError
from pyspark.errors import PySparkException

from jobs.workspace import files
from schemas.errors import (
    DamagedTableError,
    EnvironmentSetupError,
    Phase0Error,
    SparkJobError,
    StoppedError,
)
from udfs.printable import printable_excerpt

WORKSPACE: ContextVar[str | None] = ContextVar("workspace", default=None)
"""Of the command that runs, once it is known: many an error does not say where it arose."""
_LONGEST = 400
_FULL_BYTES = 32 << 20
_CAUSE = re.compile(r"\s*Caused by: *(.*\S)")
_FRAME = re.compile(r"\s*(?:at\s+\S+\(|at\s+[\w.$/]+$|(?:\.{3}|…)\s*\d+ (?:more|common)|File \"|Driver stacktrace)")
_NOISE = re.compile(r"\s*SQLSTATE: \w{5}|^An error occurred while calling \S+\.$")
_JAVA_NAME = re.compile(r"^(?:[a-z_][\w$]*\.)+([A-Z][\w$]*)")
_PYTHON_END = re.compile(r"^[A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit|Warning|Iteration)?(?::\s.*|$)")
_PATH = re.compile(r"(?:file:/{0,2})?(/[^\s:'\"()]+)")
_TABLE_PATH = re.compile(r"(?:file:/{0,2})?(/[^\s'\"()]*/tables/(\w+))(?:/[^\s:'\"()]*)?")
_UNREADABLE = re.compile(
    r"FAILED_READ_FILE|CANNOT_READ_FILE_FOOTER|ChecksumException|is not a Parquet file|MALFORMED_RECORD|"
    r"DELTA_(?:STATE_RECOVER|TRUNCATED|LOG_FILE|VERSIONS_NOT_CONTIGUOUS|MISSING|FAILED_TO_MERGE|CANNOT_CREATE_LOG_PATH)"
)
_GONE = re.compile(
    r"Answer from Java side is empty|while communicating with|while sending command|stopped SparkContext|"
    r"SparkContext was shut down|does not exist in the JVM|\[Errno 11[01]\]|Connection (?:refused|reset)"
)
_IRREPLACEABLE = {"requests", "attempts", "responses", "judgements", "batches", "batch_items", "outcomes", "reviews"}
"""Tables that hold what was paid for or what people wrote; no run makes them again."""
_UNWRITABLE = re.compile(
    "Read-only file system|Permission denied|Operation not permitted|Parent path is not a directory|Not a directory|"
    "File exists"
)
_OF_STORAGE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}
# What the system or Java says -> what it means, and what to type.
_KINDS: Iterable[tuple[str, str, str]] = (
    (
        r"Java heap space|OutOfMemoryError|GC overhead limit",
        "Java ran out of memory",
        "add --set spark.driver_memory=8g (or as much as the machine has) and type the same again",
    ),
    (r"Too many open files", "too many files are open", "ulimit -n 65536, and type the same again"),
)


def root_cause(text: str) -> str:
    """The one line of an error that says what happened.

    Args:
        text: of an error of Spark, Delta or Python, with its Java or Python traceback.

    Returns:
        One line without control characters, never a frame of a traceback and never `… 38 more`.
    """
    lines = [line for line in (_NOISE.sub("", line) for line in text.splitlines()) if line.strip()]
    said = _python_cause(lines) or _java_cause(lines) or next(iter(_told(lines)), "") or "it does not say why"
    return printable_excerpt(said, _LONGEST)


def _python_cause(lines: list[str]) -> str | None:
    starts = [number for number, line in enumerate(lines) if "Traceback (most recent call last)" in line]
    if not starts:
        return None
    return next((line for line in lines[starts[-1] + 1 :] if _PYTHON_END.match(line)), None)


def _java_cause(lines: list[str]) -> str | None:
    causes = [match.group(1) for match in map(_CAUSE.match, lines) if match]
    # A cause without words, such as a bare NullPointerException, says less than the one around it.
    telling = [cause for cause in causes if ": " in cause] or causes
    return _JAVA_NAME.sub(r"\1", telling[-1]) if telling else None


def _told(lines: list[str]) -> list[str]:
    """Lines that are no frames: `at …`, `… 38 more`."""
    told = [line.strip().removeprefix(": ").strip() for line in lines if not _FRAME.match(line)]
    return [_JAVA_NAME.sub(r"\1", line) for line in told if line.strip(" :'\"")]


def is_spark_gone(error: BaseException) -> bool:
    """Whether the Java process that the session lives in has ended."""
    return isinstance(error, Py4JNetworkError | ConnectionError) or _GONE.search(str(error)) is not None


def is_of_machine(error: BaseException) -> bool:
    """Whether an error is one of Spark, Delta or the operating system, and none of our own or of our code."""
    of_delta = type(error).__module__.partition(".")[0] in ("deltalake", "_internal")
    return (
        of_delta
        or isinstance(error, PySparkException | Py4JError | OSError)
        or (not isinstance(error, Phase0Error) and _of_disk(error) is not None)
    )


def _of_disk(error: BaseException) -> OSError | None:
    """What the disk said, where a library has put its own error around it."""
    return next((one for one in _chain(error) if isinstance(one, OSError) and one.errno in _OF_STORAGE), None)


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in seen:
        yield link
        seen.append(link)
        link = link.__cause__ or link.__context__


def require_writable(folder: str) -> None:
    """As `files.require_room`, in plain words.

    Raises:
        EnvironmentSetupError: it does not; now and in plain words, and not in a minute out of Java.
        StoppedError: its disk is full.
    """
    try:
        files.require_room(folder)
    except OSError as error:
        raise explained(OSError(error.errno, error.strerror, folder), folder) from error


def explained(error: Exception, workspace: str | None) -> Phase0Error:
    """An error of Spark or of the file system as one that a user can act on.

    Args:
        error: of PySpark, Py4J or the operating system.
        workspace: of the run; null: that of the command, if it is known.

    Returns:
        What happened, to which table or folder, and what to type; the original is not part of it.
    """
    text, workspace = str(error), workspace or WORKSPACE.get()
    if not isinstance(error, OSError):
        error = _of_disk(error) or error
    if is_spark_gone(error):
        return StoppedError(
            "Spark's Java process has ended: it was killed, or the machine ran out of memory. What was done and paid "
            "is kept, and the same command goes on from there; if it ends again, add --set spark.driver_memory=2g"
        )
    cause = _of_system(error) if isinstance(error, OSError) else root_cause(text)
    # Not in the whole text: there a data set or a provider may speak.
    causes = [cause, *(line for line in text.splitlines() if _CAUSE.match(line))]
    if kind := _of_storage("\n".join(causes), _place(error, cause) or workspace, workspace):
        return kind
    if _UNREADABLE.search(text) and (match := _TABLE_PATH.search(text)):
        return damaged_table(match.group(2), match.group(1), cause)
    if isinstance(error, OSError):
        return EnvironmentSetupError(f"{cause}. Run `phase0 doctor`, or again with -v to see all of it")
    return SparkJobError(f"a Spark job failed: {cause}\nRun it again with -v to see all of it.")


def damaged_table(name: str, folder: str, why: str) -> DamagedTableError:
    """The error for a table whose files cannot be read, with what to type."""
    quoted = shlex.quote(folder)
    if name in _IRREPLACEABLE:
        what = f"It holds what no run makes again: put {quoted} back from a backup, and type the same again"
    else:
        what = f"Type: rm -r {quoted}, then phase0 run with the same --config: it is made anew from those before it"
    return DamagedTableError(f"the table {name} is damaged: {why}. {what}")


def _of_system(error: OSError) -> str:
    named = [str(name) for name in (error.filename, error.filename2) if name is not None]
    return printable_excerpt(": ".join([*named[:1], error.strerror or str(error)]), _LONGEST)


def _place(error: Exception, cause: str) -> str | None:
    """The file that an error names."""
    if isinstance(error, OSError) and error.filename is not None:
        return printable_excerpt(str(error.filename), _LONGEST)
    where = _PATH.search(cause)
    return where.group(1) if where else None


def _of_storage(text: str, place: str | None, workspace: str | None) -> Phase0Error | None:
    """Disks that are full or cannot be written to, and what else has a fix of its own; null: none of these."""
    if re.search(r"No space left on device|Disk quota exceeded", text):
        looked_at = workspace or place or str(Path.cwd())
        full = ", ".join(_full_folders(workspace, place)) or place or looked_at
        return StoppedError(
            f"the disk is full: {full}. Make room (df -h {shlex.quote(looked_at)} {_temporary()}) and type the "
            "same again: it goes on from there"
        )
    if re.search(r"File too large", text):
        return StoppedError(
            f"a file became larger than this shell allows{f': {place}' if place else ''}. Type: ulimit -f unlimited, "
            "and the same again: it goes on from there"
        )
    if match := _UNWRITABLE.search(text):
        return EnvironmentSetupError(
            f"{place or 'a folder'} cannot be written to ({match.group(0)}). Type: --set workspace=FOLDER, a folder "
            "that you may write to, or look at it with `phase0 doctor --workspace FOLDER`"
        )
    known = ((found, fix) for pattern, found, fix in _KINDS if re.search(pattern, text))
    return next((SparkJobError(f"{found}. Type: {fix}") for found, fix in known), None)


def _full_folders(*candidates: str | None) -> list[str]:
    """Of the folders that a run writes to, those on a disk without room."""
    found: list[str] = []
    for name in dict.fromkeys((*candidates, _temporary(), *os.environ.get("SPARK_LOCAL_DIRS", "").split(","))):
        if not name or "://" in name:
            continue
        there = next((path for path in (Path(name).absolute(), *Path(name).absolute().parents) if path.exists()), None)
        is_told = any(Path(name).absolute().is_relative_to(Path(one).absolute()) for one in found)
        if there is not None and not is_told and shutil.disk_usage(there).free < _FULL_BYTES:
            found.append(name)
    return found


def _temporary() -> str:
    try:
        return tempfile.gettempdir()
    except OSError:
        return "/tmp"  # noqa: S108 - where Java writes
