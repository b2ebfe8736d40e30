"""Checks of code: every fence closed; Python and JSON that parse, in a declared block or as a whole answer."""

import ast
import json
import re
import textwrap
import warnings
from collections.abc import Iterator

from udfs.screen.subject import Subject

# CommonMark fences, at any indent: in a list item they stand deeper than its three blanks.
_FENCE = re.compile(
    r"^[ \t]*(?:[-*+][ \t]+|\d{1,3}[.)][ \t]+|>[ \t]*)?(`{3,}|~{3,})(?![`~])[ \t]*([^\s`]*)(?:[ \t][^`\n]*)?$",
    re.MULTILINE,
)

_LONGEST_PARSED = 20_000
"""Characters. An expression of that length cannot overflow the stack of the parser, whatever it nests."""
_MOST_NESTED = 100
"""Brackets open at once. Deeper blocks are not parsed: the parser's own stack is finite."""


def blocks(text: str) -> Iterator[tuple[str, str, bool]]:
    """Read the fenced blocks of a text in order.

    Yields:
        Language in lower case ("" where none is given), content, and whether the closing fence is there.
    """
    fence = ""
    language = ""
    start = 0
    for match in _FENCE.finditer(text):
        if not fence:
            fence, language, start = match[1], match[2].lower(), match.end() + 1
        elif match[1][0] == fence[0] and len(match[1]) >= len(fence) and not match[2]:
            yield language, text[start : match.start()], True
            fence = ""
    if fence:
        yield language, text[start:], False


def unclosed_fence(subject: Subject) -> str | None:
    """The last code fence is never closed: the answer was cut off, or everything below it reads as code."""
    text = subject.text
    if "```" not in text and "~~~" not in text:
        return None
    for language, code, closed in blocks(text):
        if not closed and "```" not in code and (code.strip() or len(_FENCE.findall(text)) % 2):
            return f"```{language} is never closed"
    return None  # an even number, the last of them at the end: fences within a fence


def code_does_not_parse(subject: Subject) -> str | None:
    """A block declared Python 3 or JSON, or an answer that is all Python, is not: the first syntax error."""
    if "```" not in subject.text:
        return _bare_python_fault(subject.text)
    for language, code, closed in blocks(subject.text):
        if not closed or len(code) > _LONGEST_PARSED:
            continue
        if language in ("python", "python3", "py"):
            fault = _python_fault(code)
        elif language == "json":
            fault = _json_fault(code)
        else:
            continue
        if fault is not None:
            return fault
    return None


_PYTHON_OPENING = re.compile(
    r"\A\s*(?:#[^\n]*\n\s*)*(?:def \w+\(|class \w+[(:]|import \w+|from [\w.]+ import |@\w+"
    r"|for \w[\w, ]* in [^\n]+:|while [^\n]+:)"
)
_OTHER_LANGUAGE = re.compile(
    r"[;{][ \t]*$|^[ \t]*(?:end|fi|done|#include\b[^\n]*|let [^\n]*|const [^\n]*|var [^\n]*|val [^\n]*|fun [^\n]*"
    r"|puts [^\n]*|func [^\n]*"
    r"|package [^\n]*|using [^\n]*|\} ?else[^\n]*|import [\w.]+\.\*|import qualified[^\n]*|import \w+ \([^\n]*"
    r"|import \{[^\n]*"
    r"|import [\"'][^\n]*|import \w+ from[^\n]*|def \w+[^:(\n]*|def \w+\([^)\n]*\)[ \t]*=?[ \t]*"
    r"|class \w+ ?<[^\n]*)[ \t]*$|=>|->[^\n:]*$",
    re.MULTILINE,
)
_PROSE_LINE = re.compile(r"^[ \t]*[A-Z][a-z'’,-]*(?: [^\s=()\[\]{}_#]+){3,}[ \t]*$|\betc\.", re.MULTILINE)


def _bare_python_fault(text: str) -> str | None:
    """The syntax error of a text without fences that is Python from its first line to its last, and of no other."""
    if len(text) > _LONGEST_PARSED or not _PYTHON_OPENING.match(text):
        return None
    if _OTHER_LANGUAGE.search(text) or _PROSE_LINE.search(text):
        return None
    return _python_fault(text.strip("\n"))


# Python 2, transcripts and notebooks are not Python 3 and not wrong.
_PYTHON_2 = re.compile(
    r"^[ \t]*print[ \t]+[^\s(=]|^[ \t]*exec[ \t]+[\"']|\bexcept[ \t]+[\w.]{1,80}[ \t]*,[ \t]*\w"
    r"|\braise[ \t]+\w{1,80}[ \t]*,"
    r"|\bxrange\(|\braw_input\(|<>|\b0[0-7]+\b|\bur[\"']",
    re.MULTILINE,
)
_TRANSCRIPT = re.compile(r"^[ \t]*(?:>>> |In \[\d+\]:|\$ |Traceback \(most recent)", re.MULTILINE)
_NOTEBOOK_LINE = re.compile(r"^([ \t]*)[%!?][^\n]*$", re.MULTILINE)


def _python_fault(code: str) -> str | None:
    if _TRANSCRIPT.search(code) or _too_nested(code):
        return None
    source = textwrap.dedent(code)
    fault = _syntax_error(source)
    if fault is None or _is_elided(source, fault.lineno or 1) or _PYTHON_2.search(code):
        return None
    if _NOTEBOOK_LINE.search(source) and _syntax_error(_NOTEBOOK_LINE.sub(r"\1pass", source)) is None:
        return None
    # PEP 701 widened f-strings in 3.12: the verdict must not hang on the interpreter that screens.
    if "f-string" in str(fault.msg):
        return None
    return f"Python: {fault.msg} (line {fault.lineno})"


def _is_elided(source: str, lineno: int) -> bool:
    """Whether the error stands where the writer left something out: "def f(a, ...):"."""
    around = source.split("\n")[max(0, lineno - 2) : lineno + 1]
    return any("..." in line or "…" in line for line in around)


def _syntax_error(source: str) -> SyntaxError | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse(source)
        except SyntaxError as error:
            return error
        except (RecursionError, MemoryError, ValueError, OverflowError):
            # Too deep, too large or with NULs: not known to be wrong.
            return None
    return None


def _json_fault(code: str) -> str | None:
    if (
        "..." in code
        or "…" in code
        or "//" in code
        or "/*" in code
        or "#" in code
        or _too_nested(code)
        or not code.strip()
    ):
        return None
    try:
        json.loads(code)
    except json.JSONDecodeError as error:
        if _is_json_lines(code):
            return None
        return f"JSON: {error.msg} (line {error.lineno})"
    except (RecursionError, ValueError):
        return None
    return None


def _is_json_lines(code: str) -> bool:
    try:
        return all(isinstance(json.loads(line), (dict, list)) for line in code.splitlines() if line.strip())
    except (RecursionError, ValueError):
        return False


def _too_nested(code: str) -> bool:
    depth = 0
    for char in re.findall(r"[\[\](){}]", code):
        depth += 1 if char in "[({" else -1
        if depth > _MOST_NESTED:
            return True
    return False
