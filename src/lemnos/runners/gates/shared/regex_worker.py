"""Runs a project's regular expression, in a process of its own that can be ended.

An expression may need for ever on a few dozen characters, and a thread can't be stopped. Standard
library only: it is started for each use.
"""

from __future__ import annotations

import json
import re
import resource
import sys

MOST = 10_000  # findings
SECONDS = 10


def main() -> None:
    """Read ``[pattern, text]``, write the named groups of each match."""
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    pattern, text = json.load(sys.stdin)
    found = []
    for match in re.finditer(pattern, text, re.MULTILINE):
        found.append(match.groupdict())
        if len(found) > MOST:
            break
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
