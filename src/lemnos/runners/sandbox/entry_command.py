"""The command line of ``entry.py``, the same in every sandbox."""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path

from lemnos.domains.agents.ports import Limits
from lemnos.runners.sandbox.cgroup import THREADS_EACH
from lemnos.runners.sandbox.port import GATEWAY_PORT

ENTRY = Path(__file__).with_name("entry.py")
CPU_SLACK_SECONDS = 60
_OPEN_FILES = 65536


def python() -> Path:
    """The real interpreter under a virtual environment, which is what a sandbox binds."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (Path(sys.base_prefix, "bin", version), Path("/usr/bin/python3")):
        if candidate.exists():
            return candidate.resolve()
    return Path(sys.executable).resolve()


def entry_command(
    argv: tuple[str, ...],
    limits: Limits,
    *,
    entry: Path = ENTRY,
    gateway: Path | None = None,
    other_threads: int = 0,
) -> list[str]:
    """Python running ``entry`` with the limits that rlimits can hold, then the program.

    ``other_threads`` are those that the kernel counts with the program's own: RLIMIT_NPROC is
    about all threads of a user in a user namespace.
    """
    rlimits = {
        "CORE": 0,
        "NPROC": other_threads + limits.processes * THREADS_EACH,
        "NOFILE": _OPEN_FILES,
        "CPU": math.ceil(limits.timeout) * (os.cpu_count() or 1) + CPU_SLACK_SECONDS,
    }
    if limits.disk is not None:
        rlimits["FSIZE"] = limits.disk
    command = [str(python()), "-I", "-S", str(entry)]
    for name, value in rlimits.items():
        command += ["--limit", f"{name}={value}"]
    if gateway is not None:
        command += ["--gateway", str(gateway), "--port", str(GATEWAY_PORT)]
    return [*command, "--", *argv]
