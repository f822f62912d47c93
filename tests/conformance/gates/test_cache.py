"""A verdict is kept for exactly as long as nothing that it depends on has changed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lemnos.domains.quality.model import GateRequest, GateResult, Verdict
from lemnos.domains.quality.ports import Tree
from lemnos.runners.gates.plugin import AnyChecker
from tests.conformance.gates.conftest import Bench
from tests.conformance.gates.tools import FAILS, Script, counting

RAN = "ran.log"


@pytest.fixture
def kept(bench: Bench) -> Bench:
    """A project under version control; what counts the runs is ignored by it."""
    bench.write({".gitignore": f"{RAN}\n.venv/\n", "sub/b.py": "b = 1\n"})
    bench.commit()
    return bench


async def lint(bench: Bench, checker: AnyChecker | None = None, **asked: Any) -> GateResult:
    chosen = checker or Script(counting(RAN))
    report = await bench.run(chosen, gates=(chosen.gate,), **asked)
    return report.results[0]


def runs(bench: Bench) -> int:
    log = bench.root / RAN
    return len(log.read_text().splitlines()) if log.exists() else 0


async def test_nothing_changed_nothing_runs(kept: Bench) -> None:
    first, second = await lint(kept), await lint(kept)

    assert (first.cached, second.cached, runs(kept)) == (False, True, 1)
    assert (second.verdict, second.message) == (first.verdict, first.message)
    assert second.command == first.command


async def test_a_failure_is_kept_with_its_findings(kept: Bench) -> None:
    checker = Script(counting(RAN, "print('a.py: odd'); import sys; sys.exit(1)"))
    first, second = await lint(kept, checker), await lint(kept, checker)

    assert second.cached
    assert second.verdict is Verdict.FAILED
    assert second.findings == first.findings != ()


async def test_a_failed_test_may_pass_the_next_time(kept: Bench) -> None:
    checker = Script(counting(RAN, FAILS), gate="tests")
    await lint(kept, checker)

    assert not (await lint(kept, checker)).cached


async def test_what_is_no_verdict_is_not_kept(kept: Bench) -> None:
    checker = Script(counting(RAN, "import sys; sys.exit(9)"))
    assert (await lint(kept, checker)).verdict is Verdict.CRASHED
    await lint(kept, checker)

    assert runs(kept) == 2


def _same_size(bench: Bench) -> None:
    (bench.root / "a.py").write_text("a = 2\n")


def _deleted(bench: Bench) -> None:
    (bench.root / "sub/b.py").unlink()


def _new(bench: Bench) -> None:
    (bench.root / "new.py").write_text("")


def _mode(bench: Bench) -> None:
    (bench.root / "a.py").chmod(0o755)


def _moved(bench: Bench) -> None:
    (bench.root / "a.py").rename(bench.root / "sub/a.py")


def _link(bench: Bench) -> None:
    (bench.root / "a.py").unlink()
    (bench.root / "a.py").symlink_to("sub/b.py")


def _installed(bench: Bench) -> None:
    environment = bench.root / ".venv"
    (environment / "bin").mkdir(parents=True)
    (environment / "pyvenv.cfg").write_text("")
    (environment / "bin/python").symlink_to(sys.executable)
    (environment / "lib/python3.11/site-packages/x-1.dist-info").mkdir(parents=True)


@pytest.mark.parametrize(
    "change",
    [_same_size, _deleted, _new, _mode, _moved, _link, _installed],
    ids=lambda change: change.__name__,
)
async def test_a_change_of_what_is_judged(kept: Bench, change: Callable[[Bench], None]) -> None:
    await lint(kept)
    change(kept)

    assert not (await lint(kept)).cached
    assert runs(kept) == 2


async def test_a_package_in_the_environment_has_another_version(kept: Bench) -> None:
    _installed(kept)
    await lint(kept)
    packages = kept.root / ".venv/lib/python3.11/site-packages"
    (packages / "x-1.dist-info").rename(packages / "x-2.dist-info")

    assert not (await lint(kept)).cached


async def test_a_change_that_git_ignores_is_none(kept: Bench) -> None:
    await lint(kept)
    (kept.root / RAN).write_text("by hand\n")

    assert (await lint(kept)).cached


async def test_another_version_of_the_tool(kept: Bench, tmp_path: Path) -> None:
    tool = tmp_path / "tools" / "tool"
    tool.parent.mkdir()
    for version in ("1", "22"):
        tool.write_text(f'#!/bin/sh\n# {version}\nexec {sys.executable} "$@"\n')
        tool.chmod(0o755)
        gates = kept.gates(Script(counting(RAN), program=tool), read_only=(tool.parent,))
        report = await gates.run(Tree(kept.root), GateRequest(gates=("lint",)))
        assert not report.results[0].cached, version


async def test_another_command(kept: Bench) -> None:
    await lint(kept)

    assert not (await lint(kept, Script(counting(RAN) + "  # other"))).cached


async def test_asked_not_to(kept: Bench) -> None:
    await lint(kept)

    assert not (await lint(kept, use_cache=False)).cached
    assert runs(kept) == 2


async def test_the_project_can_doubt_a_gate(kept: Bench) -> None:
    kept.write({"lemnos.toml": "[gates.lint]\ncache = false\n"})
    await lint(kept)

    assert not (await lint(kept)).cached


async def test_a_file_that_is_changed_back_is_known_again(kept: Bench) -> None:
    await lint(kept)
    _same_size(kept)
    await lint(kept)
    (kept.root / "a.py").write_text("a = 1\n")

    assert (await lint(kept)).cached


async def test_verdicts_that_can_not_be_read_are_made_again(kept: Bench) -> None:
    await lint(kept)
    for file in (kept.cache / "verdicts").glob("*/*"):
        file.write_bytes(b"\xc1 no msgpack")

    assert not (await lint(kept)).cached
    assert (await lint(kept)).cached
