"""What every sandbox has to do: run a program, hold its limits, end all that it started."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from lemnos.domains.agents.ports import Limits
from lemnos.runners.process import Line, Patience
from lemnos.runners.sandbox import Launch, Sandbox, Sandboxed, choose_sandbox, end_leftover
from lemnos.runners.sandbox.bubblewrap import SHM_BYTES, TMP_BYTES
from lemnos.runners.sandbox.entry_command import python

MODES: tuple[Literal["required", "off"], ...] = ("required", "off")
MEGA = 1024 * 1024
ENV = {"PATH": "/usr/bin:/bin", "GREETING": "hello"}
FORK_BOMB = "bomb() { bomb | bomb & }; bomb; sleep 60"
HOG = "a=[]\nwhile True: a.append(bytearray(1 << 20))"


@pytest.fixture(scope="module", params=MODES, ids=("bubblewrap", "plain"))
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    return choose_sandbox(request.param)


@pytest.fixture
def launch(tmp_path: Path) -> Callable[..., Launch]:
    for name in ("workspace", "home"):
        (tmp_path / name).mkdir()

    def make(*argv: str, limits: Limits | None = None) -> Launch:
        return Launch(
            run_id=uuid.uuid4().hex,
            argv=argv,
            workspace=tmp_path / "workspace",
            home=tmp_path / "home",
            env=ENV,
            limits=limits or Limits(),
        )

    return make


Make = Callable[..., Launch]


async def _output(running: Sandboxed) -> list[Line]:
    return [line async for batch in running.process.batches() for line in batch]


async def test_runs_a_program_in_the_workspace(sandbox: Sandbox, launch: Make) -> None:
    running = await sandbox.start(
        launch("sh", "-c", "pwd; echo oops >&2; echo made > file; exit 3")
    )
    lines = await _output(running)

    assert (await running.wait()).code == 3
    workspace = launch().workspace
    assert {line.stream: line.data for line in lines} == {
        "stdout": os.fsencode(workspace),
        "stderr": b"oops",
    }
    assert (workspace / "file").read_text() == "made\n"


async def test_passes_stdin_on(sandbox: Sandbox, launch: Make) -> None:
    running = await sandbox.start(launch("cat"))
    await running.process.write(b"to and fro\n")
    running.process.close_stdin()

    assert [line.data for line in await _output(running)] == [b"to and fro"]
    assert (await running.wait()).code == 0


async def test_nothing_of_the_servers_environment_gets_in(
    sandbox: Sandbox, launch: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVER_SECRET", "do-not-tell")
    running = await sandbox.start(launch("env"))
    lines = [line.data for line in await _output(running)]
    await running.wait()

    assert b"GREETING=hello" in lines
    assert not any(b"do-not-tell" in line for line in lines)


async def test_memory_cannot_be_taken_by_way_of_files(launch: Make) -> None:
    """Each file system in memory has a size of its own, or takes no files."""
    script = "for d in / /dev /run /proc; do touch $d/x && echo $d; done; echo > /dev/null"
    sizes = "df -k --output=size /dev/shm /tmp | tail -n 2"
    running = await choose_sandbox("required").start(launch("sh", "-c", f"{script}; {sizes}"))
    lines = [line.data for line in await _output(running) if line.stream == "stdout"]
    await running.wait()

    assert [int(line) for line in lines] == [SHM_BYTES // 1024, TMP_BYTES // 1024]


async def test_of_a_hidden_folder_only_what_the_run_names_is_seen(tmp_path: Path) -> None:
    """The data folder may lie in a folder that agents read, such as a virtual environment."""
    data = tmp_path / "data"
    for name in ("workspaces/mine", "workspaces/other", "home", "mirror"):
        (data / name).mkdir(parents=True)
        (data / name / "file").touch()
    (data / "master.key").write_text("secret")
    mine, home, mirror = data / "workspaces" / "mine", data / "home", data / "mirror"
    script = f"touch new; touch {data}/new; cd {tmp_path}; find data -type f"
    running = await choose_sandbox("required", (data,)).start(
        Launch("run", ("sh", "-c", script), mine, home, ENV, read_only=(mirror, tmp_path))
    )
    lines = {line.data.decode() for line in await _output(running) if line.stream == "stdout"}
    await running.wait()

    own = {"data/workspaces/mine/file", "data/home/file", "data/mirror/file"}
    assert lines == own | {"data/workspaces/mine/new"}


async def test_a_program_that_does_not_exist_ends_with_127(sandbox: Sandbox, launch: Make) -> None:
    running = await sandbox.start(launch("/nowhere/program"))
    lines = await _output(running)

    assert (await running.wait()).code == 127
    assert any(b"/nowhere/program" in line.data for line in lines)


async def test_terminate_reaches_the_program_itself(sandbox: Sandbox, launch: Make) -> None:
    script = "trap 'echo asked; exit 7' TERM; echo ready; while :; do sleep 0.05; done"
    running = await sandbox.start(launch("sh", "-c", script))
    lines = []
    async for batch in running.process.batches():
        lines += [line.data for line in batch]
        if lines == [b"ready"]:
            running.terminate()

    assert b"asked" in lines
    assert (await running.wait()).code == 7


async def test_the_ladder_ends_what_ignores_it(sandbox: Sandbox, launch: Make) -> None:
    running = await sandbox.start(launch("sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"))
    await running.end(patience=Patience(asked=0.1, terminated=0.2))

    assert running.process.exit is not None


async def test_killing_ends_every_descendant(sandbox: Sandbox, launch: Make) -> None:
    script = "setsid sh -c 'setsid sleep 87654 & sleep 87654' & echo ready; sleep 87654"
    running = await sandbox.start(launch("sh", "-c", script))
    async for batch in running.process.batches():
        if batch:
            break
    await _until(lambda: len(_with_argument("87654")) == 3)

    running.kill()
    await running.wait()

    await _until(lambda: not _with_argument("87654"))


async def test_what_outlives_the_program_is_ended(sandbox: Sandbox, launch: Make) -> None:
    script = "setsid sleep 76543 >/dev/null 2>&1 & echo bye"
    running = await sandbox.start(launch("sh", "-c", script))
    await _output(running)
    await running.wait()

    await _until(lambda: not _with_argument("76543"))


async def test_too_much_memory_ends_it(sandbox: Sandbox, launch: Make) -> None:
    limits = Limits(memory=200 * MEGA)
    running = await sandbox.start(launch("python3", "-c", HOG, limits=limits))
    await _output(running)
    await running.wait()

    assert running.breach is not None
    assert (running.breach.resource, running.breach.allowed) == ("memory", 200 * MEGA)


async def test_too_many_processes_end_it(sandbox: Sandbox, launch: Make) -> None:
    running = await sandbox.start(launch("bash", "-c", FORK_BOMB, limits=Limits(processes=40)))
    await _output(running)
    await running.wait()

    assert running.breach is not None
    assert running.breach.resource == "processes"


async def test_a_workspace_that_grows_too_large_ends_it(sandbox: Sandbox, launch: Make) -> None:
    script = "i=0; while :; do head -c 4000000 /dev/zero > f$i; i=$((i+1)); sleep 0.1; done"
    running = await sandbox.start(launch("bash", "-c", script, limits=Limits(disk=20 * MEGA)))
    await _output(running)
    await running.wait()

    assert running.breach is not None
    assert running.breach.resource == "disk"


async def test_folders_too_deep_to_be_counted_end_it(sandbox: Sandbox, launch: Make) -> None:
    limits = Limits(disk=100 * MEGA)
    deeper = "os.mkdir('d' * 250); os.chdir('d' * 250)"
    script = f"import os, time\nfor _ in range(30): {deeper}\ntime.sleep(60)"
    running = await sandbox.start(launch(str(python()), "-c", script, limits=limits))
    await running.wait()

    assert running.breach is not None
    assert running.breach.resource == "depth"


async def test_a_single_file_stops_at_the_limit(sandbox: Sandbox, launch: Make) -> None:
    running = await sandbox.start(launch("sh", "-c", "yes > big", limits=Limits(disk=5 * MEGA)))
    await _output(running)
    await running.wait()

    assert (launch().workspace / "big").stat().st_size <= 5 * MEGA


async def test_many_run_side_by_side(sandbox: Sandbox, launch: Make) -> None:
    async def echo(number: int) -> bytes:
        running = await sandbox.start(launch("echo", str(number)))
        lines = await _output(running)
        await running.wait()
        return lines[0].data

    numbers = await asyncio.gather(*map(echo, range(12)))

    assert numbers == [str(number).encode() for number in range(12)]


SERVER = """
import asyncio, sys
from pathlib import Path
from lemnos.runners.sandbox import Launch, choose_sandbox

async def main():
    mode, folder, script = sys.argv[1:]
    env = {"PATH": "/usr/bin:/bin"}
    launch = Launch("run-1", ("sh", "-c", script), Path(folder), Path(folder), env)
    running = await choose_sandbox(mode).start(launch)
    async for batch in running.process.batches():
        for line in batch:
            child = running.process
            print(line.data.decode(), child.pgid, child.started_ticks, flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("mode", MODES)
def test_nothing_outlives_a_server_that_was_killed(mode: str, tmp_path: Path) -> None:
    script = "setsid sleep 54321 & sleep 54321 & echo ready; sleep 54321"
    command = [sys.executable, "-c", SERVER, mode, str(tmp_path), script]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    said, pgid, ticks = server.stdout.readline().split()
    assert said == "ready"
    server.kill()
    server.communicate()

    assert not end_leftover(int(pgid), int(ticks) - 1)  # that would be another process
    ended = end_leftover(int(pgid), int(ticks))

    deadline = time.monotonic() + 20
    while _with_argument("54321") or end_leftover(int(pgid), int(ticks)):
        assert time.monotonic() < deadline, "a process was left behind"
        time.sleep(0.02)
    assert ended or mode == "required"  # bubblewrap may have ended by itself before


def _with_argument(argument: str) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if arguments[0].endswith(b"sleep") and argument.encode() in arguments:
            found.append(int(folder.name))
    return found


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  other processes make it true
            await asyncio.sleep(0.02)


async def test_further_folders_to_write_to_and_a_folder_to_start_in(
    sandbox: Sandbox, launch: Make, tmp_path: Path
) -> None:
    further, inner = tmp_path / "further", tmp_path / "workspace/inner"
    made = launch("sh", "-c", f"pwd; touch {further}/made")
    for folder in (further, inner):
        folder.mkdir()
    running = await sandbox.start(replace(made, writable=(further,), folder=inner))
    lines = await _output(running)
    await running.wait()

    assert [line.data for line in lines] == [os.fsencode(inner)]
    assert (further / "made").exists()


async def test_what_is_protected_in_the_workspace_can_only_be_read(
    launch: Make, tmp_path: Path
) -> None:
    folder = tmp_path / "workspace/own"
    script = "cat own/file; echo x > own/file; rm -rf own; mv own other; touch free"
    made = launch("sh", "-c", script)
    folder.mkdir()
    (folder / "file").write_text("kept\n")
    (tmp_path / "workspace/link").symlink_to("/etc")
    links = (folder, tmp_path / "workspace/link")
    running = await choose_sandbox("required").start(replace(made, protected=links))
    lines = await _output(running)
    await running.wait()

    assert [line.data for line in lines if line.stream == "stdout"] == [b"kept"]
    assert (folder / "file").read_text() == "kept\n"
    assert (tmp_path / "workspace/free").exists()
