"""An analyser as a process: files in on standard input, facts out on standard output.

It is started by ``pool.py``, which ends it when a file takes too long. It ends by itself when its
input does.
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys

import msgspec

from lemnos.domains.analysis.facts import packed
from lemnos.domains.analysis.ports import Source
from lemnos.runners.analysis.frames import Closed, Request, framed, read_frame
from lemnos.runners.analysis.measuring import measure


def main(memory: int) -> None:
    """Answer until the input ends. ``memory`` bounds the heap in bytes."""
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers = os.dup(1)
    os.dup2(2, 1)  # whatever a library prints must not come between the answers
    _write(answers, b"ready")
    decode = msgspec.msgpack.Decoder(list[Request]).decode
    with contextlib.suppress(Closed):
        while True:
            for request in decode(read_frame(0)):
                source = Source("", request.language, request.content)
                _write(answers, packed(measure(source)))


def _write(descriptor: int, content: bytes) -> None:
    left = memoryview(framed(content))
    while left:
        left = left[os.write(descriptor, left) :]


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError, KeyboardInterrupt):
        main(int(sys.argv[1]))
