"""Reads coverage files in a process of its own: whatever is in them, it costs only this process.

One message on standard input says which; for each file one goes out on standard output.
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys
from pathlib import Path

import msgspec

from lemnos.runners.analysis.frames import framed, read_frame
from lemnos.runners.coverage.datafile import read_data_file
from lemnos.runners.coverage.files import Refused, read_with_time
from lemnos.runners.coverage.formats import BROKEN, Broken, Read, reader_of
from lemnos.runners.coverage.frames import Answer, Asked, packed_lines

_LARGEST = 128 << 20  # bytes of one coverage file


def main(memory: int) -> None:
    """Answer and end. ``memory`` bounds the heap in bytes."""
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers = os.dup(1)
    os.dup2(2, 1)  # whatever a library prints must not come between the answers
    asked = msgspec.msgpack.decode(read_frame(0), type=Asked)
    known = frozenset(asked.known)
    with os.fdopen(answers, "wb") as out:
        for name in asked.names:
            out.write(framed(msgspec.msgpack.encode(_answer(Path(asked.root), name, known))))
            out.flush()


def _answer(root: Path, name: str, known: frozenset[str]) -> Answer:
    try:
        content, measured_at = read_with_time(root, name, _LARGEST)
        if Path(name).name.startswith(".coverage"):
            read = read_data_file(content, root, known)
        else:
            read = reader_of(name)(content)
        _demand_here(read, root)
    except (Refused, Broken) as error:
        return Answer(name, error.message)
    except BROKEN as error:
        return Answer(name, f"It can't be read: {error}.")
    return Answer(name, "", measured_at, read.roots, packed_lines(read.files))


def _demand_here(read: Read, root: Path) -> None:
    """Refuse a file that tells of another folder of this machine, whatever names are in both."""
    base = f"{os.path.realpath(root)}/"
    absolute = [path for path in read.files if path.startswith("/")]
    for source in read.roots:
        absolute += [os.path.join(source, path) for path in read.files if source.startswith("/")]
    if any(path.startswith((base, f"{root}/")) for path in absolute):
        return
    if any(os.path.lexists(path) for path in absolute):
        raise Broken("It is of another folder of this machine.")


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError, KeyboardInterrupt):
        main(int(sys.argv[1]))
