"""Single processes: bounded in output, time and memory, and gone when they should be."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lemnos.adapters.git import process
from lemnos.adapters.git.process import Command, ProcessRunner
from lemnos.kernel.errors import TimedOut, Unavailable

LIMIT = 1 << 20


@pytest.fixture
def runner() -> Iterator[ProcessRunner]:
    made = ProcessRunner(concurrency=4, memory=256 << 20)
    yield made
    made.close()


def python(code: str, cwd: Path, stdin: bytes = b"") -> Command:
    return Command((sys.executable, "-c", code), {"PATH": os.environ["PATH"]}, cwd, stdin)


async def test_input_output_and_exit_code(runner: ProcessRunner, tmp_path: Path):
    code = "import sys; print(sys.stdin.read()[::-1]); print('why', file=sys.stderr); sys.exit(3)"
    output = await runner.run(python(code, tmp_path, b"abc"), timeout=60, limit=LIMIT)

    assert (output.code, output.stdout, output.stderr) == (3, b"cba\n", "why\n")
    assert not output.cut


async def test_endless_output_is_cut_and_the_process_ended(runner: ProcessRunner, tmp_path: Path):
    code = "import os\nwhile True: os.write(1, b'x' * 65536)"
    output = await runner.run(python(code, tmp_path), timeout=60, limit=1000)

    assert output.cut
    assert output.stdout == b"x" * 1000
    assert output.code != 0


async def test_only_the_end_of_an_endless_stderr_is_kept(runner: ProcessRunner, tmp_path: Path):
    code = "import os\nfor _ in range(200): os.write(2, b'x' * 65536)\nos.write(2, b'the end')"
    output = await runner.run(python(code, tmp_path), timeout=60, limit=LIMIT)

    assert output.stderr.endswith("the end")
    assert len(output.stderr) <= 64 * 1024


async def test_a_timeout_ends_the_whole_group(
    runner: ProcessRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The grandchild ignores SIGTERM and holds the pipes open."""
    monkeypatch.setattr(process, "_GRACE", 0.05)
    code = (
        "import os, signal, time\n"
        "if os.fork() == 0:\n"
        "    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"    open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
        "time.sleep(600)\n"
    )
    with pytest.raises(TimedOut):
        await runner.run(python(code, tmp_path), timeout=1, limit=LIMIT)

    pid = int((tmp_path / "pid").read_text())
    while is_running(pid):  # noqa: ASYNC110 - killed, it takes init a moment to reap it
        await asyncio.sleep(0.01)


async def test_cancelling_ends_the_process_before_it_returns(runner: ProcessRunner, tmp_path: Path):
    code = (
        "import os, time\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
        "time.sleep(600)\n"
    )
    job = asyncio.create_task(runner.run(python(code, tmp_path), timeout=60, limit=LIMIT))
    pid_file = tmp_path / "pid"
    while not (pid_file.exists() and pid_file.read_text()):  # noqa: ASYNC110 - another process
        await asyncio.sleep(0.01)
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job

    assert not is_running(int(pid_file.read_text()))


async def test_memory_is_bounded(runner: ProcessRunner, tmp_path: Path):
    code = "import time; time.sleep(0.2); x = bytearray(1 << 30); print(len(x))"
    output = await runner.run(python(code, tmp_path), timeout=60, limit=LIMIT)

    assert output.stdout == b""
    assert "MemoryError" in output.stderr


async def test_a_program_that_is_not_there(runner: ProcessRunner, tmp_path: Path):
    with pytest.raises(Unavailable):
        await runner.run(Command(("/nonexistent/git",), {}, tmp_path), timeout=5, limit=LIMIT)


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
