"""`lemnos guard-rails` on real projects, without a server and with one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from lemnos.domains.quality.plain import SOURCE_ROOT
from tests.support.projects import broken_project, python_project, typescript_project
from tests.support.server import PATIENCE, LemnosServer
from tests.support.shell import Ran, Shell

pytestmark = pytest.mark.e2e

# What the gates say of the projects as their authors have released them: by whom, and what.
# Blinker's authors used a ruff that did not format code in Markdown. No database is in reach.
_PYTHON = {
    "lint": ("ruff", "passed"),
    "format": ("ruff", "failed"),
    "types": ("mypy", "passed"),
    "tests": ("pytest", "passed"),
}
_TYPESCRIPT = {"types": ("tsc", "passed"), "tests": ("vitest", "passed")}
_PROJECTS: dict[str, tuple[Callable[[Path], Path], Mapping[str, tuple[str, str]]]] = {
    "python": (python_project, _PYTHON),
    "typescript": (typescript_project, _TYPESCRIPT),
    "broken": (broken_project, _PYTHON | {"tests": ("pytest", "failed")}),
}


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of all of them."""
    return tmp_path_factory.mktemp("projects")


@pytest.fixture(scope="module")
def server(tmp_path_factory, projects) -> Iterator[LemnosServer]:
    """A server that may judge them."""
    folder = tmp_path_factory.mktemp("lemnos")
    with LemnosServer(folder, allowed_roots=[projects]) as running:
        yield running


@pytest.fixture
def shell(tmp_path) -> Shell:
    return Shell(tmp_path / "data", tmp_path)


def _gates(report: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What two runs have to agree on, by gate."""
    kept = ("verdict", "tool", "version", "findings", "new_findings", "known_findings")
    return {
        gate["name"]: {"passed": gate["passed"], **{key: gate["metadata"][key] for key in kept}}
        for gate in report["gates"]
    }


def _defective(folder: Path) -> Path:
    """A project with one finding, judged in no time."""
    folder.mkdir()
    (folder / "pyproject.toml").write_text('[project]\nname = "small"\nversion = "1"\n')
    (folder / "a.py").write_text("import os\n")
    return folder


@pytest.mark.parametrize("name", _PROJECTS)
def test_the_same_verdicts_without_a_server_and_with_one(name, projects, server, shell):
    make, expected = _PROJECTS[name]
    folder = make(projects / name)
    gates = [f"--gate={gate}" for gate in expected]
    here = shell("guard-rails", str(folder), "--no-format", "--json", *gates)
    report = here.json
    found = _gates(report)
    assert {gate: (one["tool"], one["verdict"]) for gate, one in found.items()} == expected, report
    failed = "failed" in {verdict for _, verdict in expected.values()}
    assert report["success"] is not failed
    assert here.code == int(failed), here.err

    answer = server.client.post(
        "/api/v1/quality/guard-rails",
        json={"workspace": str(folder), "no_format": True, "gates": list(expected)},
        timeout=PATIENCE * 2,
    )
    assert answer.status_code == 200, answer.text
    assert _gates(answer.json()) == found

    there = Shell(server.data, folder)("guard-rails", "--server", "--no-format", "--json", *gates)
    assert there.code == here.code, there.err
    assert _gates(there.json) == found


def test_a_broken_test_is_named_with_its_place(projects, shell):
    folder = broken_project(projects / "named")
    told = shell("guard-rails", str(folder), "--gate", "tests")
    assert told.code == 1, told.out + told.err
    assert "tests/test_symbol.py:" in told.out
    assert "test_symbols" in told.out
    assert told.out.splitlines()[-1].startswith("Failed: tests (1 finding)")


def test_files_for_ci(tmp_path, shell):
    folder = _defective(tmp_path / "small")
    files = ("--sarif", "out.sarif", "--junit", "out.xml", "--gate", "lint", "--quiet")
    assert shell("guard-rails", str(folder), *files).code == 1
    log = json.loads((tmp_path / "out.sarif").read_text())
    assert [result["ruleId"] for result in log["runs"][0]["results"]] == ["F401"]
    assert log["runs"][0]["originalUriBaseIds"][SOURCE_ROOT]["uri"] == f"file://{folder}/"
    assert ET.parse(tmp_path / "out.xml").getroot().get("failures") == "1"


def test_the_data_may_be_kept_in_the_project(tmp_path, shell):
    folder = _defective(tmp_path / "small")
    (folder / "test_it.py").write_text(
        "import os\n\n\ndef test_it():\n"
        "    assert os.listdir('.lemnos') == []  # what is kept there is hidden from tools\n"
    )
    for cached in (False, True):
        judge = ("guard-rails", str(folder), "--data", str(folder / ".lemnos"), "--json")
        ran = shell(*judge, "--gate", "tests")
        assert ran.code == 0, ran.out + ran.err
        assert ran.json["gates"][0]["metadata"]["cached"] is cached


def test_debt_is_accepted_and_then_only_shrinks(tmp_path, shell):
    folder = _defective(tmp_path / "small")
    lint = ("guard-rails", str(folder), "--gate", "lint")
    assert shell(*lint).code == 1
    assert shell(*lint, "--update-baseline").code == 2  # there is none yet
    accepted = shell(*lint, "--set-baseline")
    assert accepted.code == 0, accepted.out + accepted.err
    assert "lemnos-baseline.json: 1 finding; 0 gone, 1 new." in accepted.out

    (folder / "lemnos.toml").write_text('[gates]\nbaseline = "lemnos-baseline.json"\n')
    assert shell(*lint).code == 0
    (folder / "a.py").write_text("import os\nimport sys\n")
    assert shell(*lint, "--update-baseline").code == 1  # the new one is not let in
    (folder / "a.py").write_text("import sys\n")
    shrunk = shell(*lint, "--update-baseline")
    assert "0 findings; 1 gone, 0 new." in shrunk.out


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--gate", "nonsense"], 2, "nonsense"),
        (["--profile", "nonsense"], 2, "nonsense"),
        (["--baseline", "none.json"], 2, "none.json"),
        (["--set-baseline", "--update-baseline"], 2, "exclude each other"),
        (["--sarif", "none/out.sarif", "--gate", "lint"], 3, "none/out.sarif"),
        (["--url", "http://127.0.0.1:1", "--server"], 3, "127.0.0.1:1"),
        (["--server", "--changed"], 2, "git does not know"),
        (["--server", "--set-baseline"], 2, "leave --server"),
    ],
)
def test_what_is_asked_wrongly_is_told(tmp_path, shell, options, code, said):
    folder = _defective(tmp_path / "small")
    ran = shell("guard-rails", str(folder), *options)
    assert ran.code == code, ran.out + ran.err
    assert said in ran.err


def test_a_configuration_that_does_not_parse(tmp_path, shell):
    folder = _defective(tmp_path / "small")
    (folder / "lemnos.toml").write_text("[gates\n")
    ran = shell("guard-rails", str(folder))
    assert ran.code == 2, ran.out + ran.err
    assert "lemnos.toml" in ran.err


def test_a_tool_that_is_missing_is_no_verdict(tmp_path, shell):
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / "package.json").write_text('{"devDependencies": {"eslint": "9"}}')
    (folder / "eslint.config.js").write_text("export default [];\n")
    (folder / "a.js").write_text("let a = 1;\n")
    ran = shell("guard-rails", str(folder), "--gate", "lint")
    assert ran.code == 3, ran.out + ran.err
    assert "missing tool" in ran.out
    assert "install" in ran.out


def _hanging(folder: Path, mark: str) -> Path:
    """A project with a test that says that it runs, starts a child and never ends."""
    folder.mkdir()
    (folder / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    (folder / "test_hang.py").write_text(
        "import pathlib, subprocess, sys, time\n\n\n"
        "def test_hang():\n"
        f"    subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)', '{mark}'])\n"
        "    pathlib.Path('running').touch()\n"
        "    time.sleep(600)\n"
    )
    return folder


def _alive(mark: str) -> list[list[str]]:
    found = (process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"]))
    return [command for command in found if any(mark in word for word in command)]


def _until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"in vain: {what}"
        time.sleep(0.05)


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_whoever_ends_the_command_ends_its_tools(tmp_path, shell, sign):
    mark = f"mark-{tmp_path.name}"
    folder = _hanging(tmp_path / "hanging", mark)
    running = shell.start("guard-rails", str(folder), "--gate", "tests")
    try:
        _until((folder / "running").exists, "the test runs")
        assert _alive(mark)
        running.send_signal(sign)
        said, _ = running.communicate(timeout=PATIENCE)
    finally:
        running.kill()
    _until(lambda: not _alive(mark), "its tools have ended")
    if sign != signal.SIGKILL:
        assert running.returncode == 130, said
        assert "have been ended" in said


def test_interrupted_at_a_server_it_is_cancelled_there(projects, server):
    mark = "mark-at-a-server"
    folder = _hanging(projects / "hanging", mark)
    running = Shell(server.data, folder).start("guard-rails", "--server", "--gate", "tests")
    try:
        _until((folder / "running").exists, "the test runs")
        running.send_signal(signal.SIGINT)
        said, _ = running.communicate(timeout=PATIENCE)
    finally:
        running.kill()
    assert running.returncode == 130, said
    assert "is cancelled" in said
    _until(lambda: not _alive(mark), "its tools have ended")


def test_on_a_terminal_it_shows_what_runs(tmp_path, shell):
    folder = _defective(tmp_path / "small")
    ours, theirs = os.openpty()
    command = ("guard-rails", str(folder), "--gate", "lint")
    ended = _on_terminal(shell, command, ours, theirs)
    assert ended.code == 1
    assert "\x1b[" in ended.out
    assert "a.py:1:8" in ended.out
    assert "Failed: lint" in ended.out


def _on_terminal(shell: Shell, command: tuple[str, ...], ours: int, theirs: int) -> Ran:

    process = subprocess.Popen(
        [sys.executable, "-m", "lemnos.cli", *command],
        env=shell.env | {"TERM": "xterm", "COLUMNS": "120"},
        cwd=shell.cwd,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    said = b""
    while True:
        try:
            read = os.read(ours, 65536)
        except OSError:  # EIO: nobody has the other side open any more
            break
        if not read:
            break
        said += read
    os.close(ours)
    return Ran(process.wait(PATIENCE), said.decode(), "")


def test_it_begins_without_the_parts_of_a_server(tmp_path, shell):
    """Quick to start: neither web framework nor database, HTTP client nor agents are loaded."""
    program = (
        "import sys\n"
        "from lemnos.cli import main\n"
        "try:\n    main()\nexcept SystemExit: pass\n"
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)\n"
    )

    folder = _defective(tmp_path / "small")
    done = subprocess.run(
        [sys.executable, "-c", program, "guard-rails", str(folder), "--gate", "lint"],
        env=shell.env,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    assert "Failed: lint" in done.stdout
    heavy = {"fastapi", "starlette", "uvicorn", "sqlalchemy", "dbos", "mcp", "acp", "grpc", "rope"}
    heavy |= {"httpx2", "httpcore2", "cryptography"}
    assert not heavy & set(done.stderr.split())
