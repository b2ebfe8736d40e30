"""What the doctor makes of what it is shown: verdict, finding and advice."""

import io
import os
import shutil
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from jobs.cli import doctor
from jobs.config.spark import SparkConfig
from jobs.workspace import environment
from tests.support.paths import ROOT

TEMURIN = 'openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime Environment Temurin-17.0.15+6 (build 17.0.15+6)\n'
PRINTED = {
    "debian": (
        'openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime Environment (build 17+6-Debian)',
        (17, "17.0.15"),
    ),
    "temurin": (TEMURIN, (17, "17.0.15")),
    "oracle": ('java version "21.0.4" 2024-07-16 LTS\nJava(TM) SE Runtime Environment', (21, "21.0.4")),
    "oracle 8": ('java version "1.8.0_391"\nJava(TM) SE Runtime Environment (build 1.8.0_391-b13)', (8, "8.0_391")),
    "zulu": ('openjdk version "11.0.21" 2023-10-17 LTS\nOpenJDK Runtime Environment Zulu11.68+17-CA', (11, "11.0.21")),
    "semeru": ('openjdk version "17.0.7" 2023-04-18\nIBM Semeru Runtime Open Edition 17.0.7.0', (17, "17.0.7")),
    "first release": ('openjdk version "21" 2023-09-19\nOpenJDK Runtime Environment', (21, "21")),
    "early access": ('openjdk version "27-ea" 2026-09-15\nOpenJDK Runtime Environment', (27, "27-ea")),
    "options before": (f'Picked up JAVA_TOOL_OPTIONS: -Dx="1" -Xmx1g\n{TEMURIN}', (17, "17.0.15")),
    "windows line ends": (TEMURIN.replace("\n", "\r\n"), (17, "17.0.15")),
    "macOS stub": ("The operation couldn't be completed. Unable to locate a Java Runtime.", None),
    "nothing": ("", None),
}


@pytest.mark.parametrize(("printed", "version"), PRINTED.values(), ids=PRINTED)
def test_the_version_is_read_from_what_every_vendor_prints(printed, version):
    assert environment.java_version(printed) == version


@settings(max_examples=100, deadline=None)
@given(st.text() | st.integers(0, 99).map(lambda n: f'openjdk version "{n}.0.1" x'))
def test_whatever_java_prints_is_one_line_with_a_verdict(printed):
    line = str(environment.judge_java("java", printed))

    assert line.startswith(("ok   Java", "FIX  Java")) and "\n" not in line


@pytest.mark.parametrize(
    ("printed", "is_ok", "found"),
    [
        (PRINTED["debian"][0], True, "17.0.15, /j"),
        (PRINTED["oracle"][0], True, "21.0.4, /j"),
        (PRINTED["oracle 8"][0], False, "8.0_391 at /j is too old, 17 is needed"),
        (PRINTED["zulu"][0], False, "11.0.21 at /j is too old, 17 is needed"),
        (PRINTED["early access"][0], False, "27-ea at /j is too new, Spark runs on 17, 21 or 25"),
        (PRINTED["macOS stub"][0], False, "/j does not say its version (The operation couldn't be completed."),
        ("", False, "/j does not say its version (it prints nothing)"),
    ],
)
def test_java_is_judged_and_a_wrong_one_comes_with_what_to_install(printed, is_ok, found):
    judged = environment.judge_java("/j", printed)

    assert judged.found.startswith(found)
    assert (judged.fix is None) == is_ok
    assert is_ok or "openjdk-17-jre-headless" in str(judged)


def test_a_java_home_that_leads_nowhere_is_the_fault_whatever_is_on_the_path(tmp_path):
    judged = environment.look_at_java({"JAVA_HOME": str(tmp_path)})

    assert judged.found == f"JAVA_HOME={tmp_path} holds no bin/java" and judged.fix.startswith("unset JAVA_HOME")


def test_no_java_at_all_is_said_with_what_to_install():
    judged = environment.look_at_java({"PATH": ""})

    assert "none was found" in judged.found and "openjdk-17-jre-headless" in judged.fix


def test_a_foreign_spark_home_is_told_and_our_own_is_not(tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "jars").mkdir()
    own, elsewhere = tmp_path / "own", str(tmp_path)

    assert environment.judge_spark_home(None, own, "4.2.0").fix is None
    assert environment.judge_spark_home(str(own), own, "4.2.0").fix is None
    assert environment.judge_spark_home(elsewhere, own, "4.2.0").found.endswith("holds no bin/spark-submit")
    (tmp_path / "bin" / "spark-submit").write_text("")
    assert "is Spark of an unknown version" in environment.judge_spark_home(elsewhere, own, "4.2.0").found
    (tmp_path / "jars" / "spark-core_2.13-3.5.1.jar").write_text("")
    judged = environment.judge_spark_home(elsewhere, own, "4.2.0")
    assert judged.found.endswith("is Spark 3.5.1, and PySpark is 4.2.0") and judged.fix == "unset SPARK_HOME"
    assert environment.judge_spark_home(elsewhere, own, "3.5.1").fix is None


def test_a_user_without_a_name_is_told_what_to_type():
    assert environment.judge_user(0, has_name=True).fix is None
    assert "/etc/passwd" in environment.judge_user(4242, has_name=False).fix


@pytest.mark.parametrize(
    ("printed", "found"),
    [
        ("Error: A JNI error\njava.lang.UnsupportedClassVersionError: org/apache/spark/launcher/Main", "too old"),
        ("::  UNRESOLVED DEPENDENCIES  ::\n:: io.delta#delta-spark_4.2_2.13;4.4.0: not found", "could not be fetched"),
        ("Caused by: LoginException: java.lang.NullPointerException: invalid null input: name", "has no name"),
        ("Invalid maximum heap size: -Xmx900g", "not enough memory"),
        ("java.io.IOException: No space left on device", "disk is full"),
        ("java.net.UnknownHostException: box: Name or service not known", "no address"),
    ],
)
def test_what_java_dies_of_is_read_from_what_it_printed(printed, found):
    assert found in environment.start_fault(printed)[0]


def test_a_java_that_dies_of_something_else_is_no_known_fault():
    assert environment.start_fault("Exception in thread main: odd") is None


# setpriv gives the process a user id that nobody has; to read a Python below /root it keeps one right of root's.
NOBODY = "setpriv --reuid 4242 --regid 4242 --clear-groups --inh-caps +dac_override --ambient-caps +dac_override"


@pytest.mark.parametrize(
    ("prefix", "variables", "said"),
    [
        ("env -u HOME", {}, "ok   user"),
        ("env", {"SPARK_HOME": "/nonexistent"}, "FIX  Spark      SPARK_HOME=/nonexistent holds no bin/spark-submit"),
        ("env", {"JAVA_HOME": "/nonexistent"}, "FIX  Java       JAVA_HOME=/nonexistent holds no bin/java"),
        (
            "env",
            {"PATH": "/nonexistent", "JAVA_HOME": ""},
            "FIX  Java       Java 17 or newer is needed",
        ),
        (NOBODY, {}, "FIX  user       user id 4242 has no entry in /etc/passwd"),
        (f"{NOBODY} env -u HOME", {}, "FIX  user       user id 4242 has no entry in /etc/passwd"),
    ],
)
def test_the_doctor_speaks_in_every_environment(tmp_path, prefix, variables, said):
    if "setpriv" in prefix and (os.geteuid() != 0 or shutil.which("setpriv") is None):
        pytest.skip("only root can be somebody else")
    words = [shutil.which(word) or word if place == 0 else word for place, word in enumerate(prefix.split())]
    command = [*words, sys.executable, "-m", "jobs.cli", "doctor", "--workspace", str(tmp_path)]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **variables}, capture_output=True, text=True, check=False, timeout=120
    )

    assert any(line.startswith(said) for line in done.stdout.splitlines()), done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr and done.returncode in (0, 2)


def test_a_look_that_falls_over_is_a_finding_and_no_traceback():
    def look():
        raise RuntimeError("Could not determine home directory.")

    (found,) = doctor.looked("Delta", look)

    assert found.fix is not None and "RuntimeError: Could not determine home directory." in str(found)


def test_a_python_before_3_10_is_too_old():
    assert doctor.judge_python((3, 10, 0), "/p").fix is None
    assert "3.9.18 is too old" in str(doctor.judge_python((3, 9, 18), "/p"))


@pytest.mark.parametrize(
    ("configured", "printed", "found", "is_ok"),
    [
        (None, "", f"the same Python ({sys.executable})", True),
        ("/p", "3.11 True\n", "Python 3.11, PYSPARK_PYTHON=/p", True),
        ("/p", "3.11 True\nsome warning of Python's", "Python 3.11, PYSPARK_PYTHON=/p", True),
        ("/p", "3.12 True\n", "PYSPARK_PYTHON=/p is Python 3.12, wanted 3.11", False),
        ("/p", "3.1 True\n", "PYSPARK_PYTHON=/p is Python 3.1, wanted 3.11", False),
        ("/p", "3.11 False\n", "PYSPARK_PYTHON=/p lacks our packages", False),
        ("/p", "", "PYSPARK_PYTHON=/p does not run", False),
    ],
)
def test_workers_must_have_the_drivers_python_and_our_packages(configured, printed, found, is_ok):
    judged = doctor.judge_workers((3, 11), configured, printed)

    assert judged.found == found
    assert judged.fix == (None if is_ok else "unset PYSPARK_PYTHON")


def test_the_probe_of_the_workers_reads_this_interpreter_as_fit():
    assert doctor._look_at_workers(sys.executable).fix is None
    assert doctor._look_at_workers("/no/such/python").found.endswith("does not run")


INSTALLED = {"pyspark": "4.2.0", "numpy": "2.1.0", "py-yaml": "6.0.2"}


def test_packages_that_fit_are_one_line():
    requirements = ["pyspark==4.2.0", "numpy<3,>=1.26", 'pytest==9.2.0; extra == "test"']

    assert doctor.judge_packages(requirements, INSTALLED.get) == [environment.HostCheck("packages", "all 2 as pinned")]


def test_each_package_that_does_not_fit_is_named_with_what_to_type():
    judged = doctor.judge_packages(["pyspark==4.1.0", "numpy<2,>=1.26", "rich==15.0.0", "py-yaml>=6"], INSTALLED.get)

    assert [(one.found, one.fix) for one in judged] == [
        ("pyspark is 4.2.0, wanted ==4.1.0", "python -m pip install pyspark==4.1.0"),
        ("numpy is 2.1.0, wanted <2,>=1.26", "python -m pip install 'numpy<2,>=1.26'"),
        ("rich is not installed, wanted ==15.0.0", "python -m pip install rich==15.0.0"),
    ]


def test_a_pin_for_another_python_does_not_count():
    requirements = ["pyspark==4.2.0; python_version >= '3.10'", "pyspark==4.1.0; python_version < '3.10'"]

    assert doctor.judge_packages(requirements, INSTALLED.get) == [environment.HostCheck("packages", "all 1 as pinned")]
    (fault,) = doctor.judge_packages(["pyspark==4.3.0; python_version >= '3.10'", *requirements[1:]], INSTALLED.get)
    assert fault.found == "pyspark is 4.2.0, wanted ==4.3.0"


def test_a_folder_to_be_made_is_judged_by_the_one_above_it_and_nothing_is_left_there(tmp_path):
    judged = environment.check_folder("workspace", tmp_path / "a" / "b", "type this")

    assert judged.fix is None and judged.found.startswith(f"{tmp_path}/a/b, ") and judged.found.endswith(", to be made")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_to_is_a_fault(tmp_path):
    (tmp_path / "file").write_text("")

    judged = environment.check_folder("workspace", tmp_path / "file", "type this")

    assert judged.found == f"{tmp_path}/file cannot be written to (Not a directory)" and judged.fix == "type this"


def test_a_full_disk_is_a_fault(tmp_path):
    judged = environment.check_folder("scratch", tmp_path, "type this", least_free_gib=10**9)

    assert "GiB free, 1e+09 are needed" in judged.found and judged.fix == "type this"


def test_a_small_machine_is_told_a_heap_that_fits():
    assert doctor.judge_machine(2, 24 << 30).found == "2 cores, 24.0 GiB of memory"
    assert doctor.judge_machine(2, 4 << 30).fix == "phase0 run --set spark.driver_memory=2g"
    assert doctor.judge_machine(2, 1 << 30).fix == "phase0 run --set spark.driver_memory=1g"
    assert doctor.judge_machine(2, None).fix is None


def test_the_heap_it_judges_by_is_the_default_one():
    assert SparkConfig().driver_memory == f"{doctor.DRIVER_HEAP_GIB}g"


def test_the_delta_jar_is_found_in_a_cache_or_announced_as_a_download(tmp_path):
    jar = tmp_path / "io.delta_delta-spark_4.2_2.13-4.4.0.jar"
    jar.write_text("")

    assert environment.find_delta_jar([tmp_path / "none", tmp_path], "4.4.0", {}).found == f"4.4.0, {jar}"
    absent = environment.find_delta_jar([tmp_path], "4.4.1", {})
    assert absent.fix is None and "is fetched from Maven at the first start" in absent.found
    assert "delta-spark is not installed" in str(environment.find_delta_jar([tmp_path], None, {}))


@pytest.mark.parametrize(
    ("variables", "fix"),
    [
        ({"HTTPS_PROXY": "http://proxy:3128"}, "-Dhttps.proxyHost=proxy -Dhttps.proxyPort=3128"),
        ({"https_proxy": "me:secret@10.0.0.1:8080"}, "-Dhttps.proxyHost=10.0.0.1 -Dhttps.proxyPort=8080"),
        ({"HTTPS_PROXY": "http://[bad"}, "-Dhttps.proxyHost=HOST -Dhttps.proxyPort=PORT"),
        ({"JAVA_TOOL_OPTIONS": "-Duser.home=/proc/nowhere"}, "-Duser.home=FOLDER"),
        ({"HTTPS_PROXY": "http://p:1", "JAVA_TOOL_OPTIONS": "-Dhttps.proxyHost=p"}, None),
    ],
)
def test_what_keeps_java_from_fetching_the_jar_is_told_with_what_to_type(tmp_path, variables, fix):
    judged = environment.find_delta_jar([tmp_path], "4.4.0", variables)

    assert judged.fix is None if fix is None else fix in judged.fix
    assert "secret" not in str(judged)


def test_the_address_must_be_one_of_this_machine():
    assert doctor.judge_address("127.0.0.1", "box", doctor._can_bind).fix is None
    assert doctor.judge_address(None, "localhost", doctor._can_bind).fix is None
    # 192.0.2.0/24 is reserved for documentation, .invalid never resolves
    for configured, host in (("192.0.2.1", "localhost"), (None, "box.invalid")):
        assert doctor.judge_address(configured, host, doctor._can_bind).fix == "export SPARK_LOCAL_IP=127.0.0.1"


@pytest.mark.parametrize(
    ("packages", "code", "last"), [("all 16 as pinned", 0, "all well"), (None, 2, "1 thing to fix")]
)
def test_the_whole_check_prints_a_line_each_and_ends_with_its_verdict(tmp_path, monkeypatch, packages, code, last):
    fault = environment.HostCheck("packages", "phase0 is not installed", "pip [bold]install[/bold]")
    monkeypatch.setattr(
        doctor, "_look_at_packages", lambda: [environment.HostCheck("packages", packages) if packages else fault]
    )
    monkeypatch.delenv("PYSPARK_PYTHON", raising=False)
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    if not os.environ.get("JAVA_HOME") and environment.look_at_java({}).fix:
        pytest.skip("Java is not on this machine")
    out = io.StringIO()

    assert doctor.check(tmp_path / "w", Console(file=out, width=40)) == code

    lines = out.getvalue().splitlines()
    assert [line.split()[1] for line in lines[:-1]] == [
        *("Java", "Python", "workers", "packages", "Spark", "user"),
        *("workspace", "scratch", "machine", "Delta", "address"),
    ]
    assert lines[-1].startswith(last)
    assert packages or "Type: pip [bold]install[/bold]" in out.getvalue(), "what to type is printed as it is"
