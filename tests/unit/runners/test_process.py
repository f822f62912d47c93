"""Child processes: lines of any length, back-pressure, ends, and what a crash leaves behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from lemnos.runners import process as module
from lemnos.runners.process import (
    Line,
    LineSplitter,
    Patience,
    Process,
    end,
)

ENV = {"PATH": os.environ["PATH"]}
MEGA = 1_000_000


def _spawn(*argv: str) -> Process:
    return Process.spawn(argv, env=ENV)


def _python(code: str) -> Process:
    return _spawn(sys.executable, "-I", "-S", "-c", code)


async def _lines(process: Process) -> list[Line]:
    return [line async for batch in process.batches() for line in batch]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 100])
def test_lines_are_the_same_however_the_stream_is_cut(size: int) -> None:
    stream = b"one\n\ntwo and a half\nthree\nlast without end"
    splitter = LineSplitter("stdout")

    lines = []
    for start in range(0, len(stream), size):
        lines += splitter.feed(stream[start : start + size])
    lines += splitter.finish()

    assert [line.data for line in lines] == stream.split(b"\n")


def test_a_stream_that_ends_in_a_newline_has_no_empty_last_line() -> None:
    splitter = LineSplitter("stdout")
    assert len(splitter.feed(b"a\nb\n")) == 2
    assert splitter.finish() == []


def test_a_line_over_the_cap_is_cut_and_told() -> None:
    splitter = LineSplitter("stderr", cap=100_000)

    lines = []
    for _ in range(30):
        lines += splitter.feed(b"x" * 10_000)
    lines += splitter.feed(b"\nnext\n")

    assert lines[0].cut
    assert lines[0].size == 300_000
    assert lines[0].data == b"x" * module.KEPT_OF_CUT_LINE
    assert lines[1] == Line("stderr", b"next", 4)
    assert not lines[1].cut


async def test_both_streams_and_the_code() -> None:
    process = _spawn("sh", "-c", "echo out; echo err >&2; exit 4")

    lines = await _lines(process)

    assert {(line.stream, line.data) for line in lines} == {("stdout", b"out"), ("stderr", b"err")}
    assert (await process.wait()).code == 4


async def test_a_line_of_five_megabytes_arrives_whole() -> None:
    process = _python(f"import sys; sys.stdout.write('x' * {5 * MEGA} + '\\nend\\n')")

    lines = await _lines(process)

    assert [line.size for line in lines] == [5 * MEGA, 3]
    assert lines[0].data == b"x" * 5 * MEGA


async def test_a_slow_reader_holds_the_child_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HIGH_WATER", 100_000)
    count = 20_000
    process = _python(f"for n in range({count}): print('x' * 100)\nprint('end')")
    batches = process.batches()

    first = await anext(batches)
    await _until_held_back(process)
    waiting = process._waiting_bytes
    rest = [line async for batch in batches for line in batch]

    assert waiting < 100_000 + 4 * module.CHUNK
    assert len(first) + len(rest) == count + 1
    assert rest[-1].data == b"end"


async def test_lines_without_content_hold_the_child_back_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "HIGH_WATER", 100_000)
    process = _python(r"print('\n' * 1_000_000)")
    batches = process.batches()

    await anext(batches)
    await _until_held_back(process)
    held = len(process._lines)
    async for _ in batches:
        pass

    assert held < 200_000


async def _until_held_back(process: Process) -> None:
    async with asyncio.timeout(20):
        while not process._paused:  # noqa: ASYNC110  the child makes it true
            await asyncio.sleep(0.01)


async def test_a_large_input_is_written_as_it_is_read() -> None:
    process = _python("import sys; print(len(sys.stdin.read()))")

    await process.write(b"x" * 3 * MEGA)
    process.close_stdin()

    assert (await _lines(process))[0].data == str(3 * MEGA).encode()


async def test_writing_to_a_process_that_has_ended_is_a_broken_pipe() -> None:
    process = _spawn("true")
    await process.wait()

    with pytest.raises(BrokenPipeError):
        await process.write(b"anyone there?")


async def test_a_write_that_waits_ends_with_the_process() -> None:
    process = _spawn("sleep", "60")
    writing = asyncio.ensure_future(process.write(b"x" * MEGA))
    await asyncio.sleep(0)
    process.signal(signal.SIGKILL)

    with pytest.raises(BrokenPipeError):
        await writing
    assert (await process.wait()).signal == signal.SIGKILL


async def test_a_pipe_that_a_stranger_holds_open_does_not_hold_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "STRAGGLER_SECONDS", 0.05)
    process = _spawn("sh", "-c", "setsid sleep 60 & echo $!")

    async with asyncio.timeout(10):
        lines = await _lines(process)

    os.kill(int(lines[0].data), signal.SIGKILL)
    assert (await process.wait()).code == 0


async def test_a_nudge_wakes_the_reader() -> None:
    process = _spawn("cat")
    batches = process.batches()
    process.nudge()

    assert await anext(batches) == []
    process.close_stdin()
    assert not any([batch async for batch in batches])


async def test_the_ladder_stops_at_the_first_step_that_works() -> None:
    process = _spawn("cat")
    steps: list[str] = []

    async def ask() -> bool:
        steps.append("asked")
        process.close_stdin()
        return True

    await end(process, ask=ask, terminate=lambda: steps.append("terminated"), kill=lambda: None)

    assert steps == ["asked"]


async def test_the_ladder_goes_to_its_end() -> None:
    process = _python(
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print(1, flush=True)\nwhile True: signal.pause()"
    )
    await anext(process.batches())
    steps: list[str] = []

    async def ask() -> bool:
        raise BrokenPipeError

    def terminate() -> None:
        steps.append("terminated")
        process.signal(signal.SIGTERM)

    def kill() -> None:
        steps.append("killed")
        process.signal(signal.SIGKILL)

    ended = await end(process, ask=ask, terminate=terminate, kill=kill, patience=Patience(0.1, 0.1))

    assert steps == ["terminated", "killed"]
    assert ended.signal == signal.SIGKILL


async def test_no_zombie_stays() -> None:
    processes = [_spawn("true") for _ in range(5)]
    for process in processes:
        await process.wait()

    assert not any(Path(f"/proc/{process.pid}").exists() for process in processes)


async def test_nothing_leaks(monkeypatch: pytest.MonkeyPatch) -> None:
    async def once() -> None:
        process = _spawn("cat")
        process.close_stdin()
        await _lines(process)
        await process.wait()

    await once()
    before = set(os.listdir("/proc/self/fd"))
    for _ in range(5):
        await once()

    assert set(os.listdir("/proc/self/fd")) == before
