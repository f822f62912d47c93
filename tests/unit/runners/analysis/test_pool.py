"""The processes that measure: what a hostile file does to them, and to nobody else."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterator

import pytest

from lemnos.domains.analysis.ports import Source
from lemnos.kernel.errors import Unavailable
from lemnos.runners.analysis import worker as worker_module
from lemnos.runners.analysis.pool import AnalyserPool
from lemnos.runners.analysis.worker import Worker

GOOD = Source("good.py", "python", b"def f(a):\n    return a or 1\n")

# A stand-in for an analyser that a file can crash, stall or exhaust, as those in C and Rust can be.
_FRAGILE = """
import os, sys, time
from lemnos.runners.analysis import __main__ as program
from lemnos.domains.analysis.facts import Facts
from lemnos.runners.analysis.measuring import measure

def fragile(source):
    if source.content == b"crash":
        os.kill(os.getpid(), 11)
    if source.content == b"stall":
        time.sleep(600)
    if source.content == b"grow":
        try:
            kept = bytearray(4 << 30)
        except MemoryError:
            return Facts(problem="too much memory")
    if source.content == b"quit":
        os._exit(3)
    return measure(source)

program.measure = fragile
program.main(int(sys.argv[1]))
"""


@pytest.fixture
def fragile(monkeypatch: pytest.MonkeyPatch, tmp_path) -> Iterator[Worker]:
    program = tmp_path / "fragile.py"
    program.write_text(_FRAGILE)
    monkeypatch.setattr(worker_module, "COMMAND", (sys.executable, "-I", str(program)))
    worker = Worker(512 << 20, 2.0)
    yield worker
    worker.stop()


def _sources(*contents: bytes) -> list[Source]:
    return [Source("x.py", "python", each) for each in contents]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"crash", "signal SIGSEGV"),
        (b"stall", "longer than 2 seconds"),
        (b"grow", "memory"),
        (b"quit", "status 3"),
    ],
)
def test_a_file_that_ends_an_analyser_harms_no_other(fragile, content, problem):
    found = fragile.measure(_sources(b"a = 1\n", content, b"b = 2\nc = 3\n"))
    assert problem in found[1].problem
    assert [each.lines_of_code for each in found] == [1, 0, 2]


def test_many_that_do_are_each_reported(fragile):
    found = fragile.measure(_sources(b"crash", b"crash", b"a = 1\n", b"crash"))
    assert [bool(each.problem) for each in found] == [True, True, False, True]


def test_an_analyser_that_was_killed_from_outside_is_started_again():
    worker = Worker(512 << 20, 10.0)
    try:
        worker.measure([GOOD])
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGKILL)
        assert worker.measure([GOOD])[0].functions == 1
    finally:
        worker.stop()


def test_an_installation_that_cannot_start_is_an_error_and_no_problem_of_files(monkeypatch):
    monkeypatch.setattr(worker_module, "COMMAND", (sys.executable, "-c", "raise SystemExit(4)"))
    with pytest.raises(Unavailable, match="status 4"):
        Worker(512 << 20, 10.0).measure([GOOD])


HOSTILE = {
    "nested parentheses": ("python", b"x = " + b"(" * 50_000 + b")" * 50_000),
    "nested lists": ("javascript", b"x = " + b"[" * 100_000 + b"]" * 100_000),
    "nested blocks": ("c", b"void f() " + b"{" * 100_000 + b"}" * 100_000),
    "nested ifs": ("python", b"".join(b" " * n + b"if x:\n" for n in range(900))),
    "long chain": ("javascript", b"x = " + b" && ".join([b"a"] * 100_000)),
    "long else-ifs": ("go", b"package x\nfunc f() {" + b"if a {} else " * 20_000 + b"{}\n}"),
    "open strings": ("ruby", b"%w{" * 50_000),
    "open templates": ("typescript", b"`${" * 50_000),
    "null bytes": ("java", b"\0" * 100_000),
    "random bytes": ("rust", bytes(range(256)) * 2000),
    "one line": ("python", b"x" * 1_400_000),
    "only quotes": ("c_sharp", b'"' * 100_001),
    "macros": ("cpp", b"#define A A A\n" * 20_000 + b"<" * 20_000),
}


async def test_hostile_files_are_reported_or_measured_and_nothing_hangs():
    pool = AnalyserPool(2, patience=8.0)
    sources = [Source(name, *each) for name, each in HOSTILE.items()]
    try:
        found = await pool.measure([*sources, GOOD])
    finally:
        pool.close()
    assert len(found) == len(sources) + 1
    assert found[-1].functions == 1
    assert {"null bytes", "random bytes", "one line"} <= {
        source.path for source, each in zip(sources, found, strict=False) if each.problem
    }


async def test_cancelling_ends_the_process_at_once(fragile, monkeypatch):
    pool = AnalyserPool(1, patience=600.0)
    try:
        await pool.measure([GOOD])
        (before,) = pool.pids
        stalled = asyncio.ensure_future(pool.measure(_sources(b"stall")))
        await asyncio.sleep(0)
        stalled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await stalled
        assert not os.path.exists(f"/proc/{before}")
        assert (await pool.measure([GOOD]))[0].functions == 1
    finally:
        pool.close()


async def test_processes_that_nobody_needs_go(monkeypatch):
    monkeypatch.setattr("lemnos.runners.analysis.pool._IDLE", 0.0)
    pool = AnalyserPool(1)
    try:
        await pool.measure([GOOD])
        assert len(pool.pids) == 1
        await pool.rest()
        assert pool.pids == []
    finally:
        pool.close()


def test_what_is_not_worth_reading():
    pool = AnalyserPool(1)
    assert "minified" in pool.refusal("lib/jquery.min.js", 10)
    assert "100000000 bytes" in pool.refusal("big.py", 100_000_000)
    assert pool.refusal("src/app.py", 10) == ""
    pool.close()
