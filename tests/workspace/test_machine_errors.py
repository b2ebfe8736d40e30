"""Errors of Spark, Delta and the file system as one line: what happened, to what, and what to type."""

import errno
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from py4j.protocol import Py4JError, Py4JNetworkError

from jobs.workspace.machine_errors import explained, root_cause
from schemas.errors import DamagedTableError, EnvironmentSetupError, SparkJobError, StoppedError

PART = "file:/w/tables/pairs/part-00000-c000.snappy.parquet"
FRAMES = (
    "\tat org.apache.spark.scheduler.Task.run(Task.scala:147)\n\tat java.base/java.lang.Thread.run(Thread.java:840)\n"
)
# As Spark 4.2.0 and Delta 4.4.0 printed them; frames are left out but for two.
CHECKSUM = f"""An error occurred while calling o460.collectToPython.
: org.apache.spark.SparkException: [FAILED_READ_FILE.NO_HINT] Encountered error while reading \
file {PART}.  SQLSTATE: KD001
{FRAMES}Caused by: org.apache.hadoop.fs.ChecksumException: Checksum error: \
{PART} at 4608 exp: -1999227601 got: -413811243
{FRAMES}\t... 1 more
"""
LOG = f"""An error occurred while calling o1007.save.
: org.apache.spark.SparkException: [FAILED_READ_FILE.NO_HINT] Encountered error while reading file \
file:///w/tables/attempts/_delta_log/00000000000000000000.json.  SQLSTATE: KD001
{FRAMES}Caused by: org.apache.spark.SparkException: [MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION] Malformed records
\t... 1 more
Caused by: com.fasterxml.jackson.core.JsonParseException: Unexpected character ('g' (code 103)): was expecting \
double-quote to start field name
{FRAMES}\t... 25 more
"""
NO_FOLDER = f"""An error occurred while calling o1452.save.
: org.apache.spark.sql.delta.DeltaIOException: [DELTA_CANNOT_CREATE_LOG_PATH] Cannot create \
file:/w/tables/pairs/_delta_log
{FRAMES}Caused by: org.apache.hadoop.fs.ParentNotDirectoryException: Parent path is not a directory: \
file:/w/tables/pairs
{FRAMES}\t... 18 more
"""
FULL = f"""An error occurred while calling o94.save.
: org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 3.0 failed 1 times
Driver stacktrace:
{FRAMES}Caused by: java.io.IOException: No space left on device
{FRAMES}\t... 38 more
"""
PYTHON = f"""An error occurred while calling o94.save.
: org.apache.spark.api.python.PythonException: Traceback (most recent call last):
  File "/x/worker.py", line 1, in main
    process()
  File "/x/udfs/text.py", line 7, in f
    raise ValueError("no such format")
ValueError: no such format

{FRAMES}Driver stacktrace:
{FRAMES}\t... 48 more
"""
BARE = f"""An error occurred while calling o1.count.
: org.apache.spark.SparkException: Job aborted: the plan is odd
{FRAMES}Caused by: java.lang.NullPointerException
{FRAMES}\t... 48 more
"""


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (CHECKSUM, f"ChecksumException: Checksum error: {PART} at 4608 exp: -1999227601 got: -413811243"),
        (
            LOG,
            "JsonParseException: Unexpected character ('g' (code 103)): was expecting double-quote to start field name",
        ),
        (NO_FOLDER, "ParentNotDirectoryException: Parent path is not a directory: file:/w/tables/pairs"),
        (FULL, "IOException: No space left on device"),
        (PYTHON, "ValueError: no such format"),
        (BARE, "NullPointerException"),
        ("[PARSE_SYNTAX_ERROR] Syntax error at 'x'. SQLSTATE: 42601 (line 1, pos 0)", "[PARSE_SYNTAX_ERROR] Syntax"),
        ("\t... 38 more\n\tat java.base/java.lang.Thread.run(Thread.java:840)\n", "it does not say why"),
        ("", "it does not say why"),
    ],
)
def test_the_cause_is_the_last_one_and_never_a_frame(text, cause):
    assert root_cause(text).startswith(cause)


@given(
    st.lists(st.sampled_from([FRAMES, "\t... 38 more\n", "Caused by: a.b.C: why\n", "x\x1b[2J\n", CHECKSUM, PYTHON]))
)
def test_whatever_is_printed_the_cause_is_one_line_of_words(parts):
    cause = root_cause("".join(parts))

    assert cause and "\n" not in cause and "\x1b" not in cause
    assert " more" not in cause and not cause.startswith("at ")


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        (
            CHECKSUM,
            DamagedTableError,
            ["the table pairs is damaged: ChecksumException", "Type: rm -r /w/tables/pairs, then"],
        ),
        (LOG, DamagedTableError, ["the table attempts is damaged", "put /w/tables/attempts back from a backup"]),
        (NO_FOLDER, EnvironmentSetupError, ["/w/tables/pairs cannot be written to (Parent path is not a directory)"]),
        (FULL, StoppedError, ["the disk is full: /w.", "df -h /w ", "it goes on from there"]),
        (FULL.replace("No space left on device", "/y/b1 (File too large)"), StoppedError, ["ulimit -f unlimited"]),
        (
            FULL.replace("No space left on device", "/y/b1 (Read-only file system)"),
            EnvironmentSetupError,
            ["/y/b1 cannot"],
        ),
        (
            FULL.replace("IOException: No space left on device", "E: Java heap space"),
            SparkJobError,
            ["driver_memory=8g"],
        ),
        (PYTHON, SparkJobError, ["a Spark job failed: ValueError: no such format\n", "again with -v"]),
        ("x\nSparkContext was shut down", StoppedError, ["Java process has ended", "the same command goes on"]),
    ],
)
def test_each_kind_says_what_happened_and_what_to_type(text, kind, said):
    told = explained(Py4JError(text), "/w")

    assert type(told) is kind
    for words in said:
        assert words in str(told)
    assert len(str(told).splitlines()) <= 2 and "SQLSTATE" not in str(told)


@pytest.mark.parametrize("error", [Py4JNetworkError("x"), ConnectionRefusedError(errno.ECONNREFUSED, "refused")])
def test_a_java_that_is_gone_ends_a_run_that_can_go_on(error):
    assert explained(error, None).exit_code == 3


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [
        (errno.ENOSPC, 3, "the disk is full"),
        (errno.EROFS, 2, "/w/x cannot be written to (Read-only file system)"),
        (errno.EACCES, 2, "/w/x cannot be written to (Permission denied)"),
        (errno.ENOTDIR, 2, "/w/x cannot be written to (Not a directory)"),
        (errno.EFBIG, 3, "larger than this shell allows: /w/x"),
        (errno.EIO, 2, "/w/x: Input/output error. Run `phase0 doctor`"),
    ],
)
def test_errors_of_the_system_are_told_alike(number, code, said):
    told = explained(OSError(number, os.strerror(number), "/w/x"), "/w")

    assert told.exit_code == code and said in str(told) and "\n" not in str(told)


def test_what_a_data_set_says_is_not_taken_for_the_cause():
    told = explained(Py4JError(PYTHON.replace("no such format", "row 'x'\nNo space left on device")), "/w")

    assert str(told).startswith("a Spark job failed: ValueError: row 'x'")
