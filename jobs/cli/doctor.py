"""`phase0 doctor`: one line for each thing a run needs, and what to type where it is missing.

Nothing is started and nothing is kept: Spark itself would take many seconds to say less. What a command
printed is judged by pure functions; only `check` and the `_look_at_*` functions touch the machine.
"""

import os
import shlex
import shutil
import socket
import sys
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from rich.console import Console

from jobs.rendering.terminal import say
from jobs.workspace.environment import (
    HostCheck,
    check_folder,
    find_delta_jar,
    jar_folders,
    look_at_java,
    look_at_scratch,
    look_at_spark_home,
    look_at_user,
    printed_by,
)

OLDEST_PYTHON = (3, 10)
DRIVER_HEAP_GIB = 4
"""Heap of a local session (`spark.driver_memory`); Python workers need room beside it."""
_WORKER_GIB = 2
_GIB = 1 << 30
_LOOPBACK = "127.0.0.1"

_OTHER_WORKSPACE = "phase0 doctor --workspace FOLDER, a folder that you may write to"
_REINSTALL = "python -m pip install --editable . (in the checkout; or the wheel)"
_WORKER_PROBE = (
    "import importlib.util as u, sys; "
    "print(*sys.version_info[:2], sep='.', end=' '); print(u.find_spec('pyarrow') is not None)"
)


def check(workspace: Path, console: Console) -> int:
    """Look at everything a run needs and print a line for each.

    Returns:
        0 where all is well, 2 where there is something to fix.
    """
    environment = os.environ
    looks: Sequence[tuple[str, Callable[[], HostCheck | list[HostCheck]]]] = (
        ("Java", lambda: look_at_java(environment)),
        ("Python", lambda: judge_python(sys.version_info[:3], sys.executable)),
        ("workers", lambda: _look_at_workers(environment.get("PYSPARK_PYTHON"))),
        ("packages", _look_at_packages),
        ("Spark", lambda: look_at_spark_home(environment, _installed_version("pyspark"))),
        ("user", look_at_user),
        ("workspace", lambda: check_folder("workspace", workspace, _OTHER_WORKSPACE)),
        ("scratch", look_at_scratch),
        ("machine", lambda: judge_machine(os.cpu_count() or 1, _memory_bytes())),
        ("Delta", lambda: find_delta_jar(jar_folders(environment), _installed_version("delta-spark"), environment)),
        ("address", lambda: judge_address(environment.get("SPARK_LOCAL_IP"), socket.gethostname(), _can_bind)),
    )
    checks = [one for name, look in looks for one in looked(name, look)]
    for one in checks:
        say(console, str(one), "" if one.fix is None else "bold red")
    faults = sum(one.fix is not None for one in checks)
    last = f"{faults} thing{'s' if faults > 1 else ''} to fix" if faults else "all well; next: phase0 run --config demo"
    say(console, last)
    return 2 if faults else 0


def looked(name: str, look: Callable[[], HostCheck | list[HostCheck]]) -> list[HostCheck]:
    """What a look finds; one that falls over is a finding too, and no reason to say nothing of the others."""
    try:
        found = look()
    except Exception as error:
        return [
            HostCheck(name, f"could not be looked at: {type(error).__name__}: {error}", "what follows, and this again")
        ]
    return found if isinstance(found, list) else [found]


def judge_python(version: Sequence[int], executable: str) -> HostCheck:
    """Whether this interpreter will do."""
    text = ".".join(map(str, version))
    if tuple(version[:2]) < OLDEST_PYTHON:
        return HostCheck("Python", f"{text} is too old, 3.10 is needed", "python3.11 -m venv .venv && make install")
    return HostCheck("Python", f"{text}, {executable}")


def judge_workers(driver: tuple[int, int], configured: str | None, printed: str) -> HostCheck:
    """Whether the interpreter of Spark's workers fits that of the driver.

    Args:
        driver: major and minor version of this interpreter.
        configured: the value of PYSPARK_PYTHON, null where it is not set.
        printed: what the configured interpreter answers to the probe.
    """
    if configured is None:
        return HostCheck("workers", f"the same Python ({sys.executable})")
    version, _, has_packages = printed.partition("\n")[0].strip().partition(" ")
    wanted = f"{driver[0]}.{driver[1]}"
    if version != wanted or has_packages != "True":
        answer = f"is Python {version}, wanted {wanted}" if version and version != wanted else "lacks our packages"
        fault = answer if version else "does not run"
        return HostCheck("workers", f"PYSPARK_PYTHON={configured} {fault}", "unset PYSPARK_PYTHON")
    return HostCheck("workers", f"Python {version}, PYSPARK_PYTHON={configured}")


def _look_at_workers(configured: str | None) -> HostCheck:
    driver = (sys.version_info[0], sys.version_info[1])
    command = shutil.which(configured) if configured else None
    return judge_workers(driver, configured or None, printed_by([command, "-c", _WORKER_PROBE]) if command else "")


def judge_packages(requirements: Sequence[str], version_of: Callable[[str], str | None]) -> list[HostCheck]:
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
                HostCheck("packages", found, f"python -m pip install {shlex.quote(f'{pin.name}{pin.specifier}')}")
            )
    return faults or [HostCheck("packages", f"all {len(pinned)} as pinned")]


def _requirement(text: str) -> Requirement | None:
    try:
        return Requirement(text)
    except InvalidRequirement:
        return None


def _look_at_packages() -> list[HostCheck]:
    try:
        requirements = metadata.requires("phase0")
    except metadata.PackageNotFoundError:
        return [HostCheck("packages", "phase0 is not installed, so its pinned versions are not known here", _REINSTALL)]
    return judge_packages(requirements or [], _installed_version)


def _installed_version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def judge_machine(cores: int, memory_bytes: int | None) -> HostCheck:
    """Whether the default heap and the workers fit into the memory."""
    if memory_bytes is None:
        return HostCheck("machine", f"{cores} cores, memory not known")
    memory = memory_bytes / _GIB
    found = f"{cores} cores, {memory:.1f} GiB of memory"
    if memory < DRIVER_HEAP_GIB + _WORKER_GIB:
        heap = max(1, int(memory) - _WORKER_GIB)
        return HostCheck(
            "machine",
            f"{found}, little for the default heap of {DRIVER_HEAP_GIB} GiB",
            f"phase0 run --set spark.driver_memory={heap}g",
        )
    return HostCheck("machine", found)


def _memory_bytes() -> int | None:
    """What this process may use: the machine's memory or the limit of its container."""
    known = []
    if {"SC_PHYS_PAGES", "SC_PAGE_SIZE"} <= set(os.sysconf_names):
        known.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for limit in (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes")):
        if limit.exists() and (text := limit.read_text().strip()).isdigit():  # `max` is no limit
            known.append(int(text))
    return min(known) if known else None


def judge_address(configured: str | None, hostname: str, can_bind: Callable[[str], bool]) -> HostCheck:
    """Whether Spark finds an address of this machine that it can listen on.

    A hostname without a usable address is common on laptops and in containers, and stops `spark-submit`.
    """
    fix = f"export SPARK_LOCAL_IP={_LOOPBACK}"
    if configured:
        if can_bind(configured):
            return HostCheck("address", f"SPARK_LOCAL_IP={configured}")
        return HostCheck("address", f"SPARK_LOCAL_IP={configured} is no address of this machine", fix)
    if can_bind(hostname):
        return HostCheck("address", f"{hostname} resolves to an address of this machine")
    return HostCheck("address", f"the hostname {hostname} resolves to no address of this machine", fix)


def _can_bind(host: str) -> bool:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.bind(address)
    except OSError:
        return False
    return True
