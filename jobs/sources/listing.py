"""The files that a path, a glob or a folder means, and which of them are passed over.

Files of this machine are listed here, without Spark, which leaves out names that begin with `_` or `.` without a word
and cannot list a folder that holds a name with a colon.
"""

import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_MARKERS = re.compile(r"_SUCCESS|_committed_\w+|_started_\w+|\..*\.crc|\.DS_Store|\.gitattributes|\.gitignore")
"""What tools leave beside data: not worth a word."""
_LITTER = re.compile(
    r"\._.*|__MACOSX|Thumbs\.db|desktop\.ini|\.git|\.svn|\.ipynb_checkpoints|.*~|#.*#|.*\.(?:swp|lock|part|crdownload|tmp)"
)
_TEXTS = re.compile(
    r"(?:readme|licen[cs]e|copying|notice|changelog|citation|makefile|dockerfile)(?:\..*)?|"
    r".*\.(?:md|rst|pdf|docx?|html?|py|ipynb|sh|ya?ml|toml|cfg|ini|sha256|sha256sums|md5|png|jpe?g|gif|svg)",
    re.IGNORECASE,
)
"""Named alike in folders of data sets, and none."""


@dataclass(frozen=True)
class FoundFile:
    """A file of a source."""

    path: str
    """As Spark writes it: `file:/folder/name`, with no character encoded."""
    size: int
    modified: str


@dataclass(frozen=True)
class SourceListing:
    """What some paths mean."""

    files: tuple[FoundFile, ...]
    """Sorted by path, each once."""
    passed_over: tuple[str, ...] = ()
    """What a glob or a folder does not give, each as `PATH: why`."""


def local_path(path: str) -> str | None:
    """A path without its scheme where it is one of a local file system, else null."""
    if path.startswith("file:"):
        return "/" + path.removeprefix("file:").lstrip("/")
    return None if _SCHEME.match(path) else path


def is_readable_by_spark(path: str) -> bool:
    """Whether Spark opens a file of this name; it hides some and takes what stands before a colon for a scheme."""
    name = path.rsplit("/", 1)[-1]
    return not name.startswith(("_", ".")) and ":" not in name


def list_local(paths: Sequence[str]) -> SourceListing | None:
    """List the files of paths, globs and folders of this machine, null where one of them is elsewhere.

    A folder means the files in it, and those in its folders that are partitions (`key=value`). Globs are those of
    Hadoop: `*`, `?`, `[ab]`, `[^a]`, `{a,b}`, and a backslash before what is meant literally. A file that begins with
    `_` or `.` is read where it is named itself and passed over where a glob or a folder gives it; so are empty files,
    texts about a data set, and what programs leave behind.
    """
    found: dict[str, FoundFile] = {}
    passed: dict[str, None] = {}
    for given in paths:
        path = local_path(given)
        if path is None:
            return None
        for alternative in _alternatives(path):
            for match, is_named in _matches("/", [part for part in alternative.split("/") if part]):
                for one in _files_of(match, is_named=is_named):
                    if isinstance(one, str):
                        passed[one] = None
                    else:
                        found[one.path] = one
    # Of a file that is named itself, the folder that passes it over need not say so.
    named = {
        f"{file.path.removeprefix('file:')}: {_why_passed_over(os.path.basename(file.path))}" for file in found.values()
    }
    left_out = tuple(one for one in passed if one not in named)
    return SourceListing(tuple(sorted(found.values(), key=lambda file: file.path)), left_out)


def _files_of(path: str, *, is_named: bool) -> Iterator[FoundFile | str]:
    """The file at a path or the files of a folder; as a text what is passed over."""
    name = os.path.basename(path)
    try:
        state = os.stat(path)
    except OSError as error:
        yield f"{path}: {error.strerror}"
        return
    if not is_named and (why := _why_passed_over(name)) is not None:
        if why:
            yield f"{path}: {why}"
    elif stat.S_ISDIR(state.st_mode):
        yield from _files_in(path, is_named=is_named)
    elif not stat.S_ISREG(state.st_mode):
        yield f"{path}: no regular file"
    elif not path.isprintable() and path != path.encode("utf-8", "replace").decode():
        yield f"{path.encode('utf-8', 'replace').decode()}: its name is not UTF-8; rename it"
    elif not state.st_size:
        yield f"{path}: empty"
    else:
        modified = datetime.fromtimestamp(state.st_mtime_ns // 1_000_000 / 1000, timezone.utc)
        yield FoundFile(f"file:{path}", state.st_size, str(modified.replace(tzinfo=None)))


def _why_passed_over(name: str) -> str | None:
    """Why a glob or a folder does not give what has this name; empty: not worth a word; null: it does."""
    if _MARKERS.fullmatch(name):
        return ""
    if _LITTER.fullmatch(name):
        return "left behind by a program"
    if _TEXTS.fullmatch(name):
        return "no data by its name; name it to read it"
    return f"its name begins with {name[0]}; name it to read it" if name.startswith(("_", ".")) else None


def _files_in(folder: str, *, is_named: bool) -> Iterator[FoundFile | str]:
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        yield f"{folder}: {error.strerror}"
        return
    for name in names:
        path = os.path.join(folder, name)
        if os.path.isdir(path) and not ("=" in name or name.startswith(("_", "."))):
            yield f"{path}: a folder in a folder; name it to read it"
        else:
            yield from _files_of(path, is_named=False)


def _matches(folder: str, parts: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """Paths below a folder that match a glob, and whether the last part of each is named and not matched."""
    part, rest = parts[0] if parts else "", parts[1:]
    if _is_glob(part):
        try:
            pattern = re.compile(_pattern(part), re.DOTALL)
            names = sorted(os.listdir(folder))
        except (OSError, re.error):
            return
        found = [(os.path.join(folder, name), False) for name in names if pattern.fullmatch(name)]
    else:
        path = os.path.join(folder, re.sub(r"\\(.)", r"\1", part))
        found = [(path, True)] if os.path.lexists(path) else []
    for path, is_named in found:
        if rest:
            yield from _matches(path, rest)
        else:
            yield path, is_named


def _is_glob(part: str) -> bool:
    return re.search(r"[*?\[]", re.sub(r"\\.", "", part)) is not None


def _pattern(part: str) -> str:
    """One part of a glob as a regular expression."""
    pieces = []
    for piece in re.findall(r"\\.|\[\^?\]?[^\]]*\]|.", part, re.DOTALL):
        if piece == "*":
            pieces.append(".*")
        elif piece == "?":
            pieces.append(".")
        elif len(piece) > 2 and piece[0] == "[":
            inside = piece[1:-1]
            negated = "^" if inside[:1] in "^!" else ""
            inside = re.sub(r"([\\\[\]^&~|])", r"\\\1", inside[1:] if negated else inside)
            pieces.append(f"[{negated}{inside}]")
        else:
            pieces.append(re.escape(piece[-1]))
    return "".join(pieces)


def _alternatives(glob: str) -> list[str]:
    """The globs without braces that one with braces stands for."""
    depth = 0
    cuts: list[int] = []
    for token in re.finditer(r"\\.|.", glob, re.DOTALL):
        if token.group() == "{":
            depth += 1
            if depth == 1:
                cuts = [token.start()]
        elif token.group() == "," and depth == 1:
            cuts.append(token.start())
        elif token.group() == "}" and depth:
            depth -= 1
            if depth == 0:
                before, after = glob[: cuts[0]], glob[token.end() :]
                inside = [glob[start + 1 : end] for start, end in zip(cuts, [*cuts[1:], token.start()], strict=True)]
                return [whole for choice in inside for whole in _alternatives(f"{before}{choice}{after}")]
    return [glob]
