"""Processes that outlive a server which was killed, and their end at its next start.

A server gives each process that it starts a mark in its environment, which children inherit. Most
die with the server by themselves (bubblewrap's ``--die-with-parent``); git processes, and agents
where there is no sandbox, do not. Linux only, as it reads proc(5).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import time

_VARIABLE = "LEMNOS_OWNER"
_LONGEST = 5.0  # seconds: what cannot be killed (a disk that hangs) must not hold up a start


def own(identity: str) -> None:
    """Name the owner of what this process starts: the same for each life of a server."""
    os.environ[_VARIABLE] = hashlib.sha256(identity.encode()).hexdigest()[:32]


def mark() -> dict[str, str]:
    """What belongs into the environment of each child; nothing where nobody owns."""
    owner = os.environ.get(_VARIABLE)
    return {_VARIABLE: owner} if owner else {}


def end_leftovers() -> int:
    """Kill what earlier processes of this owner have left; how many there were.

    To be called before this process starts any of its own. Blocks.
    """
    ended = set[int]()
    deadline = time.monotonic() + _LONGEST
    # Again until none is found: one that forks may have been faster.
    while (left := _marked()) and time.monotonic() < deadline:
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        ended |= left
        time.sleep(0.01)
    return len(ended)


def _marked() -> set[int]:
    owner = os.environ.get(_VARIABLE)
    if not owner:
        return set()
    wanted = f"{_VARIABLE}={owner}".encode()
    pids = {int(name) for name in os.listdir("/proc") if name.isdigit()} - {os.getpid()}
    return {pid for pid in pids if wanted in _environment(pid)}


def _environment(pid: int) -> list[bytes]:
    """Empty for a process that has ended, for a zombie, and for another user's."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read().split(b"\0")
    except OSError:
        return []
