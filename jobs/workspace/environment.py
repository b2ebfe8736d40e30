"""What a machine must have before Spark can start, and what to type where it has not.

`phase0 doctor` prints all of it. The start of a session asks only what costs nothing, and all of it once Spark did not
start: Java itself then says no more than that it has ended. What a command printed is judged by pure functions.
"""

import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from jobs.workspace.quick_start import quick_start_folder

OLDEST_JAVA, NEWEST_JAVA = 17, 25  # Spark 4.2 runs on Java 17, 21 and 25
LEAST_FREE_GIB = 2
_GIB = 1 << 30

INSTALL_JAVA = (
    "apt-get install openjdk-17-jre-headless (Debian, Ubuntu), brew install openjdk@17 (macOS), or "
    'pip install cjdk && export JAVA_HOME="$(cjdk --jdk temurin:17 java-home)"'
)
_REINSTALL = "python -m pip install --editable . (in the checkout; or the wheel)"
_NO_TMP = "mkdir -p /tmp && chmod 1777 /tmp, or export TMPDIR=FOLDER JAVA_TOOL_OPTIONS=-Djava.io.tmpdir=FOLDER"
_JAVA_VERSION = re.compile(r'^\S+ version "(?:1\.)?(\d+)([^"]*)"', re.MULTILINE)


@dataclass(frozen=True)
class HostCheck:
    """One thing that was looked at."""

    name: str
    found: str
    fix: str | None = None
    """What to type, null where all is well."""

    def __str__(self) -> str:
        """The line for the terminal."""
        mark, advice = ("ok", "") if self.fix is None else ("FIX", f". Type: {self.fix}")
        return f"{mark:<4} {self.name:<10} {self.found}{advice}"


def java_version(printed: str) -> tuple[int, str] | None:
    """Feature release and full version out of what `java -version` printed; null where it is not that.

    Vendors differ in all but the quoted version; up to Java 8 it began with `1.`, and lines such as
    `Picked up JAVA_TOOL_OPTIONS` may come before it.
    """
    match = _JAVA_VERSION.search(printed)
    return (int(match.group(1)), match.group(1) + match.group(2)) if match else None


def judge_java(executable: str, printed: str) -> HostCheck:
    """Whether Spark runs on the Java that printed this."""
    version = java_version(printed)
    if version is None:
        first = next(iter(printed.split("\n")), "").strip()[:80]
        return HostCheck(
            "Java", f"{executable} does not say its version ({first or 'it prints nothing'})", INSTALL_JAVA
        )
    feature, full = version
    if feature < OLDEST_JAVA:
        return HostCheck("Java", f"{full} at {executable} is too old, {OLDEST_JAVA} is needed", INSTALL_JAVA)
    if feature > NEWEST_JAVA:
        return HostCheck("Java", f"{full} at {executable} is too new, Spark runs on 17, 21 or 25", INSTALL_JAVA)
    return HostCheck("Java", f"{full}, {executable}")


def find_java(environment: Mapping[str, str]) -> str | HostCheck:
    """The executable that Spark will take, or why there is none."""
    # Spark looks at JAVA_HOME first, and does not look further where that leads nowhere.
    home = environment.get("JAVA_HOME")
    executable = str(Path(home) / "bin" / "java") if home else shutil.which("java", path=environment.get("PATH", ""))
    if executable is None:
        return HostCheck(
            "Java", "Java 17 or newer is needed and none was found, neither JAVA_HOME nor on the PATH", INSTALL_JAVA
        )
    if home and not Path(executable).exists():
        return HostCheck("Java", f"JAVA_HOME={home} holds no bin/java", "unset JAVA_HOME (or install Java 17 there)")
    return executable


def look_at_java(environment: Mapping[str, str]) -> HostCheck:
    """Whether there is a Java, and one that Spark runs on."""
    found = find_java(environment)
    return found if isinstance(found, HostCheck) else judge_java(found, printed_by([found, "-version"]))


def judge_user(uid: int, has_name: bool) -> HostCheck:
    """Whether the user has a name, which Hadoop asks for; in a container any number may be the user."""
    if has_name:
        return HostCheck("user", f"{uid}")
    return HostCheck(
        "user",
        f"user id {uid} has no entry in /etc/passwd, without which Hadoop does not start",
        f'echo "phase0:x:{uid}:0::/tmp:/bin/sh" >> /etc/passwd (as root, in the image), or docker run with '
        "--volume /etc/passwd:/etc/passwd:ro",
    )


def look_at_user() -> HostCheck:
    """Whether this process's user has a name."""
    try:
        pwd.getpwuid(os.getuid())
    except KeyError:
        return judge_user(os.getuid(), has_name=False)
    return judge_user(os.getuid(), has_name=True)


def home_folder(environment: Mapping[str, str]) -> Path | None:
    """The folder that Java takes for the user's home: that of passwd, whatever HOME says; null where there is none."""
    for option in re.findall(r"-Duser\.home=(\S+)", environment.get("JAVA_TOOL_OPTIONS", "")):
        return Path(option)
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return Path(environment["HOME"]) if environment.get("HOME") else None


def judge_spark_home(home: str | None, own: Path | None, version: str | None) -> HostCheck:
    """Whether the Spark that would be started is the one that goes with our PySpark.

    Args:
        home: the value of SPARK_HOME, null or empty where it is not set.
        own: folder of the PySpark package.
        version: of PySpark.
    """
    if not home or (own is not None and Path(home).resolve() == own.resolve()):
        return HostCheck("Spark", f"{version}, of the package pyspark")
    if not (Path(home) / "bin" / "spark-submit").is_file():
        return HostCheck("Spark", f"SPARK_HOME={home} holds no bin/spark-submit", "unset SPARK_HOME")
    jars = sorted((Path(home) / "jars").glob("spark-core_*.jar"))
    found = jars[0].stem.rpartition("-")[2] if jars else "of an unknown version"
    if found != version:
        return HostCheck("Spark", f"SPARK_HOME={home} is Spark {found}, and PySpark is {version}", "unset SPARK_HOME")
    return HostCheck("Spark", f"{version}, SPARK_HOME={home}")


def look_at_spark_home(environment: Mapping[str, str], version: str | None) -> HostCheck:
    """Whether SPARK_HOME, if there is one, is the Spark of our PySpark."""
    return judge_spark_home(environment.get("SPARK_HOME"), next(iter(_pyspark_folders()), None), version)


def check_folder(name: str, folder: Path, otherwise: str, least_free_gib: float = LEAST_FREE_GIB) -> HostCheck:
    """Whether a folder, or the nearest one above it that is there, can be written to and has room."""
    there = next((path for path in (folder.absolute(), *folder.absolute().parents) if os.path.exists(path)), Path("/"))
    try:
        # Trying is the only way to know: to root all permissions look well on a read-only file system.
        with tempfile.TemporaryFile(dir=there) as probe:
            probe.write(b"phase0")
        free = shutil.disk_usage(there).free / _GIB
    except OSError as error:
        return HostCheck(name, f"{there} cannot be written to ({error.strerror})", otherwise)
    if free < least_free_gib:
        return HostCheck(name, f"{there} has {free:.1f} GiB free, {least_free_gib:g} are needed", otherwise)
    return HostCheck(
        name, f"{folder.absolute()}, {free:,.0f} GiB free{'' if there == folder.absolute() else ', to be made'}"
    )


def look_at_scratch() -> HostCheck:
    """Whether Python and Java, which does not look at TMPDIR, have a folder for temporary files."""
    try:
        folder = Path(tempfile.gettempdir())
    except OSError as error:
        return HostCheck("scratch", f"there is no folder for temporary files ({error.strerror})", _NO_TMP)
    own = re.findall(r"-Djava\.io\.tmpdir=(\S+)", os.environ.get("JAVA_TOOL_OPTIONS", ""))
    if not own and not Path("/tmp").is_dir():  # noqa: S108 - the folder of Java, not of ours
        return HostCheck("scratch", "there is no /tmp, which Java needs whatever TMPDIR says", _NO_TMP)
    return check_folder("scratch", folder, "export TMPDIR=FOLDER, a folder with room")


def find_delta_jar(folders: Sequence[Path], version: str | None, environment: Mapping[str, str]) -> HostCheck:
    """Whether Delta's jar is at hand or has to be fetched, and whether Java would find the way."""
    if version is None:
        return HostCheck("Delta", "the package delta-spark is not installed", _REINSTALL)
    for folder in folders:
        if found := sorted(folder.glob(f"*delta-spark_*-{version}.jar")):
            return HostCheck("Delta", f"{version}, {found[0]}")
    fetched = f"{version}, the jar is fetched from Maven at the first start, which needs the network"
    proxy = environment.get("HTTPS_PROXY") or environment.get("https_proxy")
    if proxy and "proxyHost" not in environment.get("JAVA_TOOL_OPTIONS", ""):
        return HostCheck("Delta", f"{fetched}; Java does not look at HTTPS_PROXY", _java_proxy(proxy))
    home = home_folder(environment)
    if home is None or check_folder("Delta", home, "", 0).fix is not None:
        fix = "export JAVA_TOOL_OPTIONS=-Duser.home=FOLDER, a folder that you may write to"
        return HostCheck("Delta", f"{fetched}, and the home folder {home or '(none)'} cannot be written to", fix)
    return HostCheck("Delta", fetched)


def _java_proxy(proxy: str) -> str:
    """What to type so that Java takes a proxy; a password in it is not repeated."""
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        host, port = parts.hostname or "HOST", parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        host, port = "HOST", 0
    return f'export JAVA_TOOL_OPTIONS="-Dhttps.proxyHost={host} -Dhttps.proxyPort={port or "PORT"}"'


def jar_folders(environment: Mapping[str, str]) -> list[Path]:
    """Where Delta's jar may lie: with Spark's own, where a quick start keeps it, and where Ivy keeps what it got."""
    home = home_folder(environment)
    fetched = sorted(home.glob(".ivy2*/jars")) if home and os.access(home, os.X_OK | os.R_OK) else []
    return [*(place / "jars" for place in _pyspark_folders()), quick_start_folder() / "jars", *fetched]


def _pyspark_folders() -> list[Path]:
    pyspark = find_spec("pyspark")
    return [Path(place) for place in pyspark.submodule_search_locations or []] if pyspark else []


def quick_faults(environment: Mapping[str, str], version: str | None) -> Iterator[HostCheck]:
    """What keeps a local session from starting and can be known in no time."""
    java = find_java(environment)
    looks = (look_at_user(), look_at_spark_home(environment, version), look_at_scratch())
    yield from ((java,) if isinstance(java, HostCheck) else ())
    # That little is free is the doctor's to say: it may be enough.
    yield from (one for one in looks if one.fix is not None and "GiB free" not in one.found)


# What Spark prints when it does not start -> what it means, and what to type. The first that fits counts.
_SAYINGS: Sequence[tuple[str, str, str]] = (
    (r"UnsupportedClassVersionError", "this Java is too old for Spark 4.2, which needs 17", INSTALL_JAVA),
    (
        r"unresolved dependency|UNRESOLVED DEPENDENCIES|Server access error",
        "the Delta jar could not be fetched from Maven",
        "start once where there is a network, or copy ~/.ivy2.5.2 from such a machine; behind a proxy: export "
        'JAVA_TOOL_OPTIONS="-Dhttps.proxyHost=HOST -Dhttps.proxyPort=PORT"',
    ),
    (
        r"could not determine effective user|invalid null input: name|\?/\.ivy2",
        "this user has no name",
        "phase0 doctor",
    ),
    (
        r"Could not reserve enough space|Invalid maximum heap size|insufficient memory|Cannot allocate memory",
        "there is not enough memory for the heap",
        "add --set spark.driver_memory=1g",
    ),
    (r"No space left on device", "a disk is full", "df -h, make room, and type the same again"),
    (
        r"UnknownHostException|Cannot assign requested address|Service 'sparkDriver' could not bind",
        "Spark found no address to listen on",
        "export SPARK_LOCAL_IP=127.0.0.1",
    ),
    (
        r"Read-only file system|AccessDeniedException|Permission denied",
        "a folder cannot be written to",
        "phase0 doctor",
    ),
)


def start_fault(printed: str) -> tuple[str, str] | None:
    """What a Java that did not start died of, as (what is wrong, what to type), null where it does not say."""
    return next(((found, fix) for pattern, found, fix in _SAYINGS if re.search(pattern, printed)), None)


def printed_by(command: Sequence[str]) -> str:
    """Everything a command prints, nothing where it does not run."""
    try:
        done = subprocess.run(  # noqa: S603 - the user's own interpreter, no shell
            command, capture_output=True, text=True, errors="replace", timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    # Of Python's two streams warnings come on the second, so what was asked for comes first.
    return done.stdout + done.stderr
