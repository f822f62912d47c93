"""Whatever a tool does: a verdict of its own, never a pass, and nothing left behind."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from lemnos.domains.quality.model import GateRequest, GateResult, Verdict
from lemnos.domains.quality.ports import GateEvent, Tree
from lemnos.kernel.errors import Invalid
from lemnos.runners.gates.files import read_report
from lemnos.runners.gates.plugin import AnyChecker
from lemnos.runners.gates.registry import Registry, Unloadable
from lemnos.runners.sandbox import Sandbox
from tests.conformance.gates.conftest import Bench
from tests.conformance.gates.tools import FAILS, PASSES, Script

MARK = "LEMNOS_TEST_MARK"


async def judged(bench: Bench, checker: AnyChecker, **asked: Any) -> GateResult:
    report = await bench.run(checker, gates=(checker.gate,), **asked)
    assert len(report.results) == 1
    return report.results[0]


async def test_what_passes_and_what_fails(bench: Bench) -> None:
    passed = await judged(bench, Script(PASSES))
    failed = await judged(bench, Script("print('a.py: odd'); import sys; sys.exit(1)"))

    assert (passed.verdict, failed.verdict) == (Verdict.PASSED, Verdict.FAILED)
    assert [finding.path for finding in failed.findings] == ["a.py"]
    assert failed.findings[0].fingerprint
    assert failed.blocks
    assert not passed.blocks


async def test_a_missing_tool(bench: Bench) -> None:
    result = await judged(bench, Script(program=None, tool="absent"))

    assert result.verdict is Verdict.MISSING_TOOL
    assert "pip install absent" in result.message
    assert result.blocks


async def test_a_tool_whose_interpreter_is_missing(bench: Bench, tmp_path: Path) -> None:
    program = bench.root / "tool"
    program.write_text("#!/nowhere/python\n")
    program.chmod(0o755)

    assert (await judged(bench, Script(program=program))).verdict is Verdict.MISSING_TOOL


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import sys; sys.exit(3)", "ended with 3"),
        ("import os; os.kill(os.getpid(), 11)", "signal 11"),
        ("import os; os.kill(os.getppid(), 9)", "signal 9"),
        ("import sys; sys.exit(126)", "can't be started"),
    ],
    ids=["other-exit-code", "segfault", "kills-its-parent", "not-executable"],
)
async def test_a_tool_that_crashes(bench: Bench, code: str, told: str) -> None:
    result = await judged(bench, Script(code))

    assert result.verdict is Verdict.CRASHED
    assert told in result.message


async def test_a_tool_that_hangs(bench: Bench) -> None:
    code = f"import time; open('{MARK}', 'w'); time.sleep(600)"
    result = await judged(bench, Script(code), timeout=1.0)

    assert result.verdict is Verdict.TIMED_OUT
    assert "still running" in result.message
    assert not _alive()


async def test_a_tool_that_prints_a_gigabyte(bench: Bench) -> None:
    code = "import sys\nfor _ in range(1024): sys.stdout.write('x' * 1023 * 1024 + chr(10))"
    result = await judged(bench, Script(code))

    assert result.verdict is Verdict.CRASHED
    assert "printed more than" in result.message
    assert len(result.output) < 10_000


@pytest.mark.slow
async def test_a_tool_that_forks_without_end(bench: Bench) -> None:
    code = (
        "import os, time\n"
        "while True:\n"
        "    try:\n"
        "        if os.fork() == 0: time.sleep(600)\n"
        "    except OSError: time.sleep(0.01)\n"
    )
    result = await judged(bench, Script(code, env={MARK: "forks"}), timeout=60.0)

    assert result.verdict is Verdict.CRASHED
    assert "processes" in result.message
    assert not _alive()


async def test_daemons_that_a_tool_leaves_behind_are_ended(bench: Bench) -> None:
    code = (
        "import os, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0: time.sleep(600)\n"
        "    os._exit(0)\n"
    )
    result = await judged(bench, Script(code, env={MARK: "daemon"}))

    assert result.verdict is Verdict.PASSED
    assert not _alive()


async def test_a_pyproject_that_does_not_parse(bench: Bench) -> None:
    bench.write({"pyproject.toml": "[project\nname = 'x'\n"})
    result = await judged(bench, Script())

    assert result.verdict is Verdict.MISCONFIGURED
    assert "pyproject.toml" in result.message
    assert "line 1" in result.message


async def test_a_lemnos_toml_that_does_not_parse(bench: Bench) -> None:
    bench.write({"lemnos.toml": "gates = [\n"})

    with pytest.raises(Invalid, match=r"lemnos\.toml can't be read"):
        await bench.run(Script())


async def test_a_plug_in_that_cannot_be_loaded_is_a_gate_that_has_crashed(bench: Bench) -> None:
    registry = Registry((Script(),), unloadable=(Unloadable("broken", "no module x"),))
    report = await bench.gates(registry=registry).run(Tree(bench.root), GateRequest())
    crashed = report.results[-1]

    assert (crashed.gate, crashed.verdict) == ("broken", Verdict.CRASHED)
    assert "no module x" in crashed.message
    assert not report.success


async def test_a_checker_that_raises_is_a_gate_that_has_crashed(bench: Bench) -> None:
    class Raises(Script):
        def applies(self, project: object) -> bool:
            raise KeyError("odd")

    result = await judged(bench, Raises())

    assert result.verdict is Verdict.CRASHED
    assert "KeyError" in result.message


async def test_a_report_that_is_a_link_out_of_the_sandbox_is_not_read(
    bench: Bench, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text('{"secret": 1}')

    class Reports(Script):
        def read(self, project, request, ended, reports):
            raise AssertionError(read_report(reports, "report.json"))

    code = f"import os, sys; os.symlink({str(secret)!r}, sys.argv[1] + '/report.json')"
    result = await judged(bench, Reports(code))

    assert result.verdict is Verdict.CRASHED
    assert "left no report" in result.message


async def test_cancelling_ends_the_tools_that_run(bench: Bench) -> None:
    code = "import time; open('started', 'w').close(); time.sleep(600)"
    begun = asyncio.Event()

    async def on_gate(event: GateEvent) -> None:
        if event.gate == "lint":
            begun.set()

    run = asyncio.create_task(
        bench.run(Script(code, env={MARK: "cancelled"}), on_gate=on_gate, gates=("lint",))
    )
    await begun.wait()
    while not (bench.root / "started").exists():  # noqa: ASYNC110  another process makes it
        await asyncio.sleep(0.02)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run

    assert not _alive()


async def test_an_error_of_who_listens_ends_the_run(bench: Bench) -> None:
    async def on_gate(event: GateEvent) -> None:
        raise ConnectionError("gone")

    slow = Script("import time; time.sleep(600)", gate="tests", env={MARK: "orphan"})
    with pytest.raises(ConnectionError):
        await bench.run(slow, Script(), on_gate=on_gate)

    assert not _alive()


async def test_a_tool_cannot_write_to_the_git_directory(bench: Bench, sandbox: Sandbox) -> None:
    if not sandbox.isolated:
        pytest.skip("Only a sandbox with namespaces of its own can protect a part of a tree.")
    bench.commit()
    code = "open('.git/hooks/pre-commit', 'w').write('x')"

    assert (await judged(bench, Script(code))).verdict is Verdict.FAILED
    assert not (bench.root / ".git/hooks/pre-commit").exists()


async def test_a_failure_of_an_optional_gate_does_not_block(bench: Bench) -> None:
    bench.write({"lemnos.toml": "[gates.lint]\noptional = true\n"})
    report = await bench.run(Script(FAILS), Script(gate="types"))

    assert report.success
    assert [r.verdict for r in report.results if r.gate == "lint"] == [Verdict.FAILED]


def _alive() -> list[str]:
    """Processes that have a mark of these tests in their environment."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
        except OSError:
            continue
        if any(one.startswith(MARK.encode()) for one in environment) and state not in b"ZX":
            found.append(pid)
    return found
