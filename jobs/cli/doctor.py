"""`phase0 doctor`: one line for each thing a run needs, and what to type where it is missing.

Nothing is started and nothing is kept: Spark itself would take many seconds to say less. What a command
printed is judged by pure functions; only `check` and the `_look_at_*` functions touch the machine.
"""

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from rich.console import Console

from jobs.rendering.terminal import say

OLDEST_PYTHON = (3, 10)
OLDEST_JAVA, NEWEST_JAVA = 17, 25  # Spark 4.2 runs on Java 17, 21 and 25
DRIVER_HEAP_GIB = 4
"""Heap of a local session (`spark.driver_memory`); Python workers need room beside it."""
_WORKER_GIB = 2
_LEAST_FREE_GIB = 2
_GIB = 1 << 30
_LOOPBACK = "127.0.0.1"

_INSTALL_JAVA = (
    "apt-get install openjdk-17-jre-headless (Debian, Ubuntu), brew install openjdk@17 (macOS), or "
    'pip install cjdk && export JAVA_HOME="$(cjdk --jdk temurin:17 java-home)"'
)
_REINSTALL = "python -m pip install --editable . (in the checkout; or the wheel)"
_JAVA_VERSION = re.compile(r'^\S+ version "(?:1\.)?(\d+)([^"]*)"', re.MULTILINE)
_WORKER_PROBE = (
    "import importlib.util as u, sys; "
    "print(*sys.version_info[:2], sep='.', end=' '); print(u.find_spec('pyarrow') is not None)"
)


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    found: str
    fix: str | None = None
    """What to type, null where all is well."""

    def __str__(self) -> str:
        """The line for the terminal."""
        mark, advice = ("ok", "") if self.fix is None else ("FIX", f". Type: {self.fix}")
        return f"{mark:<4} {self.name:<10} {self.found}{advice}"


def check(workspace: Path, console: Console) -> int:
    """Look at everything a run needs and print a line for each.

    Returns:
        0 where all is well, 2 where there is something to fix.
    """
    checks = [
        _look_at_java(os.environ),
        judge_python(sys.version_info[:3], sys.executable),
        _look_at_workers(os.environ.get("PYSPARK_PYTHON")),
        *_look_at_packages(),
        check_folder("workspace", workspace, "phase0 doctor --workspace FOLDER, a folder that you may write to"),
        check_folder("scratch", Path(tempfile.gettempdir()), "export TMPDIR=FOLDER, a folder with room"),
        judge_machine(os.cpu_count() or 1, _memory_bytes()),
        find_delta_jar(_jar_folders(), _installed_version("delta-spark")),
        judge_address(os.environ.get("SPARK_LOCAL_IP"), socket.gethostname(), _can_bind),
    ]
    for one in checks:
        say(console, str(one), "" if one.fix is None else "bold red")
    faults = sum(one.fix is not None for one in checks)
    last = f"{faults} thing{'s' if faults > 1 else ''} to fix" if faults else "all well; next: phase0 run --config demo"
    say(console, last)
    return 2 if faults else 0


def java_version(printed: str) -> tuple[int, str] | None:
    """Feature release and full version out of what `java -version` printed; null where it is not that.

    Vendors differ in all but the quoted version; up to Java 8 it began with `1.`, and lines such as
    `Picked up JAVA_TOOL_OPTIONS` may come before it.
    """
    match = _JAVA_VERSION.search(printed)
    return (int(match.group(1)), match.group(1) + match.group(2)) if match else None


def judge_java(executable: str, printed: str) -> Check:
    """Whether Spark runs on the Java that printed this."""
    version = java_version(printed)
    if version is None:
        first = next(iter(printed.split("\n")), "").strip()[:80]
        return Check("Java", f"{executable} does not say its version ({first or 'it prints nothing'})", _INSTALL_JAVA)
    feature, full = version
    if feature < OLDEST_JAVA:
        return Check("Java", f"{full} at {executable} is too old, {OLDEST_JAVA} is needed", _INSTALL_JAVA)
    if feature > NEWEST_JAVA:
        return Check("Java", f"{full} at {executable} is too new, Spark runs on 17, 21 or 25", _INSTALL_JAVA)
    return Check("Java", f"{full}, {executable}")


def _look_at_java(environment: Mapping[str, str]) -> Check:
    # Spark looks at JAVA_HOME first, and does not look further where that leads nowhere.
    home = environment.get("JAVA_HOME")
    executable = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if executable is None:
        return Check("Java", "none found, neither JAVA_HOME nor on the PATH", _INSTALL_JAVA)
    if home and not Path(executable).exists():
        return Check("Java", f"JAVA_HOME={home} holds no bin/java", "unset JAVA_HOME (or install Java 17 there)")
    return judge_java(executable, _printed_by([executable, "-version"]))


def judge_python(version: Sequence[int], executable: str) -> Check:
    """Whether this interpreter will do."""
    text = ".".join(map(str, version))
    if tuple(version[:2]) < OLDEST_PYTHON:
        return Check("Python", f"{text} is too old, 3.10 is needed", "python3.11 -m venv .venv && make install")
    return Check("Python", f"{text}, {executable}")


def judge_workers(driver: tuple[int, int], configured: str | None, printed: str) -> Check:
    """Whether the interpreter of Spark's workers fits that of the driver.

    Args:
        driver: major and minor version of this interpreter.
        configured: the value of PYSPARK_PYTHON, null where it is not set.
        printed: what the configured interpreter answers to the probe.
    """
    if configured is None:
        return Check("workers", f"the same Python ({sys.executable})")
    version, _, has_packages = printed.partition("\n")[0].strip().partition(" ")
    wanted = f"{driver[0]}.{driver[1]}"
    if version != wanted or has_packages != "True":
        answer = f"is Python {version}, wanted {wanted}" if version and version != wanted else "lacks our packages"
        fault = answer if version else "does not run"
        return Check("workers", f"PYSPARK_PYTHON={configured} {fault}", "unset PYSPARK_PYTHON")
    return Check("workers", f"Python {version}, PYSPARK_PYTHON={configured}")


def _look_at_workers(configured: str | None) -> Check:
    driver = (sys.version_info[0], sys.version_info[1])
    command = shutil.which(configured) if configured else None
    return judge_workers(driver, configured or None, _printed_by([command, "-c", _WORKER_PROBE]) if command else "")


def judge_packages(requirements: Sequence[str], version_of: Callable[[str], str | None]) -> list[Check]:
    """Compare the pinned packages with what is installed: one line if all fit, else one for each that does not.

    Args:
        requirements: as in the metadata of a package; those of extras, or for another Python or system, are left out.
        version_of: installed version of a package, null where it is not installed.
    """
    known = [pin for pin in map(_requirement, requirements) if pin]
    pinned = [pin for pin in known if pin.marker is None or pin.marker.evaluate({"extra": ""})]
    faults = []
    for pin in pinned:
        version = version_of(pin.name)
        if version is None or not pin.specifier.contains(version, prereleases=True):
            found = f"{pin.name} is {version or 'not installed'}, wanted {pin.specifier}"
            faults.append(
                Check("packages", found, f"python -m pip install {shlex.quote(f'{pin.name}{pin.specifier}')}")
            )
    return faults or [Check("packages", f"all {len(pinned)} as pinned")]


def _requirement(text: str) -> Requirement | None:
    try:
        return Requirement(text)
    except InvalidRequirement:
        return None


def _look_at_packages() -> list[Check]:
    try:
        requirements = metadata.requires("phase0")
    except metadata.PackageNotFoundError:
        return [Check("packages", "phase0 is not installed, so its pinned versions are not known here", _REINSTALL)]
    return judge_packages(requirements or [], _installed_version)


def _installed_version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def check_folder(name: str, folder: Path, otherwise: str) -> Check:
    """Whether a folder, or the nearest one above it that is there, can be written to and has room."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    try:
        # Trying is the only way to know: to root all permissions look well on a read-only file system.
        with tempfile.TemporaryFile(dir=there) as probe:
            probe.write(b"phase0")
    except OSError as error:
        return Check(name, f"{there} cannot be written to ({error.strerror})", otherwise)
    free = shutil.disk_usage(there).free / _GIB
    if free < _LEAST_FREE_GIB:
        return Check(name, f"{there} has {free:.1f} GiB free, {_LEAST_FREE_GIB} are needed", otherwise)
    return Check(
        name, f"{folder.absolute()}, {free:,.0f} GiB free{'' if there == folder.absolute() else ', to be made'}"
    )


def judge_machine(cores: int, memory_bytes: int | None) -> Check:
    """Whether the default heap and the workers fit into the memory."""
    if memory_bytes is None:
        return Check("machine", f"{cores} cores, memory not known")
    memory = memory_bytes / _GIB
    found = f"{cores} cores, {memory:.1f} GiB of memory"
    if memory < DRIVER_HEAP_GIB + _WORKER_GIB:
        heap = max(1, int(memory) - _WORKER_GIB)
        return Check(
            "machine",
            f"{found}, little for the default heap of {DRIVER_HEAP_GIB} GiB",
            f"phase0 run --set spark.driver_memory={heap}g",
        )
    return Check("machine", found)


def _memory_bytes() -> int | None:
    """What this process may use: the machine's memory or the limit of its container."""
    known = []
    if {"SC_PHYS_PAGES", "SC_PAGE_SIZE"} <= set(os.sysconf_names):
        known.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for limit in (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes")):
        if limit.exists() and (text := limit.read_text().strip()).isdigit():  # `max` is no limit
            known.append(int(text))
    return min(known) if known else None


def find_delta_jar(folders: Sequence[Path], version: str | None) -> Check:
    """Whether Delta's jar is at hand or has to be fetched."""
    if version is None:
        return Check("Delta", "the package delta-spark is not installed", _REINSTALL)
    for folder in folders:
        if found := sorted(folder.glob(f"*delta-spark_*-{version}.jar")):
            return Check("Delta", f"{version}, {found[0]}")
    return Check("Delta", f"{version}, the jar is fetched from Maven at the first start, which needs the network")


def _jar_folders() -> list[Path]:
    pyspark = find_spec("pyspark")
    places = pyspark.submodule_search_locations or [] if pyspark else []
    return [*(Path(place) / "jars" for place in places), *sorted(Path.home().glob(".ivy2*/jars"))]


def judge_address(configured: str | None, hostname: str, can_bind: Callable[[str], bool]) -> Check:
    """Whether Spark finds an address of this machine that it can listen on.

    A hostname without a usable address is common on laptops and in containers, and stops `spark-submit`.
    """
    fix = f"export SPARK_LOCAL_IP={_LOOPBACK}"
    if configured:
        if can_bind(configured):
            return Check("address", f"SPARK_LOCAL_IP={configured}")
        return Check("address", f"SPARK_LOCAL_IP={configured} is no address of this machine", fix)
    if can_bind(hostname):
        return Check("address", f"{hostname} resolves to an address of this machine")
    return Check("address", f"the hostname {hostname} resolves to no address of this machine", fix)


def _can_bind(host: str) -> bool:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.bind(address)
    except OSError:
        return False
    return True


def _printed_by(command: Sequence[str]) -> str:
    """Everything a command prints, nothing where it does not run."""
    try:
        done = subprocess.run(  # noqa: S603 - the user's own interpreter, no shell
            command, capture_output=True, text=True, errors="replace", timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    # Of Python's two streams warnings come on the second, so what was asked for comes first.
    return done.stdout + done.stderr
