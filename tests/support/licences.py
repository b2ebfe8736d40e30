"""`make licences`: docs/LICENCES.md, the licence of every locked package by its own metadata.

A package that is installed says its licence itself; one that another Python or system needs is listed as not looked at.
"""

import re
from importlib import metadata
from pathlib import Path

from tests.support.paths import ROOT

FILE = ROOT / "docs" / "LICENCES.md"
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)
_HEAD = """# Licences of what `make install` installs

Written by `make licences` out of the metadata of the installed packages; `make lock` calls it. It says what each
package says of itself, and is no legal advice. None of these packages is shipped with Phase 0: the wheel holds our
own code alone.

| package | licence |
|---|---|
"""


def locked() -> dict[str, set[str]]:
    """Package -> its versions in the locks."""
    found: dict[str, set[str]] = {}
    for lock in sorted((ROOT / "requirements").glob("lock-*.txt")):
        for name, version in _PIN.findall(lock.read_text("utf-8")):
            found.setdefault(canonical(name), set()).add(version)
    return found


def canonical(name: str) -> str:
    """A package's name as registries compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def licence_of(name: str) -> str:
    """The licence a package gives: its SPDX expression, else its classifiers, else the first line of its field."""
    try:
        said = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return "not installed here: for another Python or system"
    if expression := said.get("License-Expression"):
        return str(expression)
    classifiers = [
        line.rpartition(" :: ")[2] for line in said.get_all("Classifier", []) if line.startswith("License ::")
    ]
    given = [line for line in classifiers if line != "OSI Approved"]
    field = str(said.get("License") or "").strip().split("\n")[0][:80]
    return "; ".join(given) or field or "does not say"


def table() -> str:
    """The whole file."""
    rows = (f"| {name} | {licence_of(name).replace('|', '/')} |\n" for name in sorted(locked()))
    return _HEAD + "".join(rows)


def listed(text: str) -> set[str]:
    """The packages of a written file."""
    return set(re.findall(r"^\| ([a-z0-9-]+) \| \S", text, re.MULTILINE)) - {"package"}


def main(file: Path = FILE) -> None:
    """Write the file."""
    file.write_text(table(), encoding="utf-8")
    print(f"{file}: {len(locked())} packages")


if __name__ == "__main__":
    main()
