"""Run a test runner under coverage.py: python covered.py REPORT [-m MODULE | SCRIPT] ARGUMENTS…

Runs in the project's own Python, as a process of its own. It ends as the tests end; a report that
can't be made changes nothing about that.
"""

from __future__ import annotations

import subprocess
import sys


def main() -> int:
    """Measure, then write the report as JSON."""
    report, *command = sys.argv[1:]
    coverage = [sys.executable, "-m", "coverage"]
    code = subprocess.call([*coverage, "run", *command])
    subprocess.call([*coverage, "json", "-q", "-o", report], stdout=subprocess.DEVNULL)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
