"""`make audit`: ask pip-audit about each lock, and say clearly where its database could not be reached.

It runs in a virtual environment of its own and imports nothing of ours.
"""

import subprocess
import sys

_UNREACHABLE = ("ConnectionError", "ServiceError", "Max retries", "timed out", "NameResolutionError", "ConnectTimeout")


def judge(code: int, printed: str) -> tuple[int, str]:
    """Exit code and verdict of one audit: 0 no known hole, 1 holes, 2 nobody could be asked."""
    if code == 0:
        return 0, "no known hole"
    if any(word in printed for word in _UNREACHABLE):
        return 2, "NOT AUDITED: the database of known holes cannot be reached from here; nothing is known"
    if "known vulnerabilit" in printed:
        return 1, "known holes, as listed"
    return 2, "NOT AUDITED: pip-audit failed, as printed"


def main(locks: list[str]) -> int:
    """Audit each lock; the worst verdict is the exit code."""
    worst = 0
    for lock in locks:
        command = [sys.executable, "-m", "pip_audit", "--requirement", lock, "--require-hashes", "--disable-pip"]
        done = subprocess.run([*command, "--progress-spinner", "off"], capture_output=True, text=True, check=False)
        printed = done.stdout + done.stderr
        code, verdict = judge(done.returncode, printed)
        if code == 1:
            print(printed.strip())
        elif code:
            print(printed.strip().rpartition("\n")[2][:300])
        print(f"{lock}: {verdict}")
        worst = max(worst, code)
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
