"""In which order gates run, what they may change, and who is told."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from lemnos.domains.quality.baseline import DEFAULT_NAME, Baseline
from lemnos.domains.quality.model import GateRequest, Verdict
from lemnos.domains.quality.ports import GateEvent, Tree
from lemnos.kernel.errors import Invalid, NotFound
from tests.conformance.gates.conftest import Bench
from tests.conformance.gates.tools import FAILS, Script

# Each waits for the other: both end only if they run at the same time.
MEET = """
import pathlib, time
pathlib.Path({own!r}).touch()
while not pathlib.Path({other!r}).exists(): time.sleep(0.01)
"""
APPENDS = "open('order', 'a').write({!r} + chr(10))"


async def test_gates_run_side_by_side(bench: Bench) -> None:
    one = Script(MEET.format(own="one", other="two"), gate="lint")
    two = Script(MEET.format(own="two", other="one"), gate="types")
    report = await bench.gates(one, two, jobs=2).run(Tree(bench.root), GateRequest(timeout=30))

    assert {r.gate: r.verdict for r in report.results if r.passed and r.tool} == {
        "lint": Verdict.PASSED,
        "types": Verdict.PASSED,
    }


async def test_checkers_of_one_gate_run_side_by_side(bench: Bench) -> None:
    one = Script(MEET.format(own="one", other="two"), tool="one")
    two = Script(MEET.format(own="two", other="one"), tool="two")
    gates = bench.gates(one, two, jobs=2)
    report = await gates.run(Tree(bench.root), GateRequest(timeout=30, gates=("lint",)))

    assert report.results[0].verdict is Verdict.PASSED
    assert report.results[0].tool == "one, two"


async def test_no_more_than_the_allowed_number_at_once(bench: Bench) -> None:
    alone = (
        "import os, time\n"
        "os.mkdir('alone')\n"  # fails if another one is there
        "time.sleep(0.2)\n"
        "os.rmdir('alone')\n"
    )
    checkers = [Script(alone, gate=gate) for gate in ("lint", "types", "tests")]
    report = await bench.gates(*checkers, jobs=1).run(Tree(bench.root), GateRequest())

    assert report.success


async def test_what_writes_comes_first_and_alone(bench: Bench) -> None:
    writers = [
        Script(APPENDS.format(gate), gate=gate, writes=True) for gate in ("format", "cleanup")
    ]
    reader = Script("assert open('order').read().split() == ['cleanup', 'format']", gate="tests")
    report = await bench.run(*writers, reader)

    assert report.success, report.results


async def test_readers_judge_what_writers_have_written(bench: Bench) -> None:
    bench.commit()
    writer = Script("open('a.py', 'w').write('b = 2\\n')", gate="format", writes=True)
    reader = Script("assert open('a.py').read() == 'b = 2\\n'", gate="lint")
    first = await bench.run(writer, reader)
    second = await bench.run(writer, reader)
    third = await bench.run(writer, reader)

    assert [r.metadata.get("changed") for r in first.results if r.gate == "format"] == [["a.py"]]
    assert [r.cached for r in first.results if r.tool] == [False, False]
    # What has changed files is asked once more, over what it has made of them.
    assert [r.cached for r in second.results if r.tool] == [True, False]
    assert [r.cached for r in third.results if r.tool] == [True, True]


async def test_each_gate_is_told_as_it_begins_and_ends(bench: Bench) -> None:
    events: list[GateEvent] = []

    async def on_gate(event: GateEvent) -> None:
        events.append(event)
        await asyncio.sleep(0)

    report = await bench.run(Script(), Script(FAILS, gate="types"), on_gate=on_gate)
    ended = [event for event in events if event.result is not None]

    assert [event.done for event in ended] == list(range(1, len(report.results) + 1))
    assert {event.total for event in events} == {len(report.results)}
    assert sorted(event.gate for event in ended) == sorted(r.gate for r in report.results)
    for result in report.results:
        of_gate = [event for event in events if event.gate == result.gate]
        assert [event.result for event in of_gate] == [None, result]


async def test_results_are_in_the_documented_order(bench: Bench) -> None:
    own = [Script(gate=gate) for gate in ("zeta", "tests", "lint", "alpha")]
    names = [r.gate for r in (await bench.run(*own)).results]

    assert names == [
        "cleanup", "lint", "format", "yaml", "workflow", "types", "tests", "audit", "alpha", "zeta",
    ]  # fmt: skip


async def test_fail_fast_ends_what_runs_and_begins_nothing(bench: Bench) -> None:
    waits = "import pathlib, time\npathlib.Path('begun').touch()\ntime.sleep(600)"
    fails = (
        "import pathlib, sys, time\n"
        "while not pathlib.Path('begun').exists(): time.sleep(0.01)\n"
        "sys.exit(1)"
    )
    checkers = (
        Script(waits, gate="tests"),
        Script(fails, gate="types"),
        Script("open('late', 'w')", gate="alpha"),
    )
    gates = bench.gates(*checkers, jobs=2)
    asked = GateRequest(fail_fast=True, gates=("tests", "types", "alpha"))
    report = await gates.run(Tree(bench.root), asked)
    verdicts = {r.gate: r.verdict for r in report.results}

    assert verdicts == {
        "types": Verdict.FAILED,
        "tests": Verdict.NOT_RUN,
        "alpha": Verdict.NOT_RUN,
    }
    assert not (bench.root / "late").exists()
    assert "types" in report.results[-1].message


async def test_fail_fast_after_a_writer(bench: Bench) -> None:
    writer = Script(FAILS, gate="format", writes=True)
    report = await bench.run(writer, Script(), fail_fast=True, gates=("format", "lint"))

    assert {r.gate: r.verdict for r in report.results} == {
        "lint": Verdict.NOT_RUN,
        "format": Verdict.FAILED,
    }


async def test_an_optional_gate_stops_nothing(bench: Bench) -> None:
    bench.write({"lemnos.toml": "[gates]\noptional = ['format']\n"})
    writer = Script(FAILS, gate="format", writes=True)
    report = await bench.run(writer, Script(), fail_fast=True, gates=("format", "lint"))

    assert report.success


@pytest.mark.parametrize("asked", [{"gates": ("lnt",)}, {"profile": "quick"}])
async def test_what_the_project_does_not_know_is_invalid(
    bench: Bench, asked: dict[str, Any]
) -> None:
    with pytest.raises(Invalid) as caught:
        await bench.run(Script(), **asked)

    assert "lint" in caught.value.message or "none" in caught.value.message


async def test_the_worst_checker_is_the_gate(bench: Bench) -> None:
    checkers = (
        Script(tool="good"),
        Script("print('a.py: odd'); import sys; sys.exit(1)", tool="bad"),
        Script(program=None, tool="absent"),
    )
    report = await bench.run(*checkers, gates=("lint",))
    (result,) = report.results

    assert result.verdict is Verdict.FAILED
    assert {name: tool["verdict"] for name, tool in result.metadata["tools"].items()} == {
        "good": "passed",
        "bad": "failed",
        "absent": "missing_tool",
    }
    assert len(result.findings) == 1


# --- baselines ----------------------------------------------------------------------------------

DEBT = "print('a.py: old'); import sys; sys.exit(1)"
FROM_FILE = (
    "import pathlib, sys\n"
    "found = [line for line in pathlib.Path('a.py').read_text().splitlines() if 'odd' in line]\n"
    "[print(f'a.py: {line}') for line in found]\n"
    "sys.exit(bool(found))"
)


async def test_only_new_findings_block_where_there_is_a_baseline(bench: Bench) -> None:
    before = await bench.run(Script(DEBT), gates=("lint",))
    Baseline.of(before.results).save(bench.root / "known.json")
    bench.write({"lemnos.toml": "[gates]\nbaseline = 'known.json'\n"})
    known = await bench.run(Script(DEBT), gates=("lint",))
    more = DEBT.replace("import", "print('b.py: new'); import")
    new = await bench.run(Script(more), gates=("lint",))

    assert known.success
    assert known.results[0].findings[0].known
    assert [f.known for f in new.results[0].findings] == [True, False]
    assert not new.success


async def test_a_baseline_that_is_asked_for_and_not_there(bench: Bench) -> None:
    with pytest.raises(NotFound):
        await bench.run(Script(), baseline="nowhere.json")
    with pytest.raises(Invalid):
        await bench.run(Script(), baseline="../outside.json")


async def test_what_the_base_has_too_is_known(bench: Bench, tmp_path: Path) -> None:
    base = tmp_path / "base"
    base.mkdir()
    (base / "a.py").write_text("one = 1\nodd = 1\n")
    bench.write({"a.py": "odd = 1\none = 2\n"})
    checker = Script(FROM_FILE)
    tree = Tree(bench.root, base=base)
    old = await bench.run(checker, tree=tree, gates=("lint",))
    bench.write({"a.py": "odd = 1\nodder = 2\n"})
    new = await bench.run(checker, tree=tree, gates=("lint",))

    assert [f.known for f in old.results[0].findings] == [True]
    assert old.success
    assert not new.success


async def test_the_usual_baseline_counts_where_none_is_named(bench: Bench) -> None:
    before = await bench.run(Script(DEBT), gates=("lint",))
    Baseline.of(before.results).save(bench.root / DEFAULT_NAME)

    assert (await bench.run(Script(DEBT), gates=("lint",))).success


@pytest.mark.parametrize("changed", [None, frozenset({"lemnos.toml", DEFAULT_NAME})])
async def test_a_change_does_not_rule_over_itself(
    bench: Bench, tmp_path: Path, changed: frozenset[str] | None
) -> None:
    found = await bench.run(Script(DEBT), gates=("lint",))
    Baseline.of(found.results).save(bench.root / DEFAULT_NAME)
    bench.write({"lemnos.toml": "[gates]\noptional = ['lint']\n"})
    base = tmp_path / "base"
    base.mkdir()
    (base / "a.py").write_text("a = 1\n")
    tree = Tree(bench.root, base=base, changed=changed, forgiving=False)
    (result,) = (await bench.run(Script(DEBT), tree=tree, gates=("lint",))).results

    assert result.blocks
    assert not result.findings[0].known


async def test_a_base_that_is_as_the_tree_is_not_made(bench: Bench) -> None:
    bench.write({"lemnos.toml": "[gates]\noptional = ['lint']\n"})

    async def never() -> Path:
        raise AssertionError("Nothing asks for it.")

    tree = Tree(bench.root, base=never, changed=frozenset({"a.py"}))

    assert (await bench.run(Script(), tree=tree, gates=("lint",))).success


# --- a tree that is to stay as it is --------------------------------------------------------------


async def test_an_untouched_tree_is_as_before(bench: Bench, tmp_path: Path) -> None:
    bench.write({"b.py": "b = 1\n", "sub/c.py": "c = 1\n", ".gitignore": "ignored\n"})
    (bench.root / "b.py").chmod(0o755)
    (bench.root / "link").symlink_to("a.py")
    bench.commit()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "c.py").write_text("precious\n")
    before = _seen(bench.root)
    havoc = (
        "import os, shutil\n"
        "open('a.py', 'a').write('more')\n"
        "os.remove('b.py'); os.mkdir('b.py'); open('b.py/x', 'w')\n"
        "shutil.rmtree('sub')\n"
        f"os.symlink({str(outside)!r}, 'sub')\n"
        "os.remove('link'); open('link', 'w')\n"
        "os.makedirs('new/deep'); open('new/deep/file', 'w')\n"
        "open('ignored', 'w')\n"
    )
    tree = Tree(bench.root, untouched=True)
    report = await bench.run(Script(havoc, gate="tests"), tree=tree, gates=("tests",))

    assert report.success, report.results
    assert _seen(bench.root) == {**before, "ignored": ("file", 0o644, b"")}
    assert (outside / "c.py").read_text() == "precious\n"


async def test_formatters_only_look_at_an_untouched_tree(bench: Bench) -> None:
    class Formats(Script):
        def command(self, project, program, request, reports):
            assert request.no_format
            return super().command(project, program, request, reports)

    checker = Formats(gate="format", writes=True)
    report = await bench.run(checker, tree=Tree(bench.root, untouched=True), gates=("format",))

    assert report.results[0].verdict is Verdict.PASSED


def _seen(root: Path) -> dict[str, tuple[str, int, bytes]]:
    found = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if name.split("/")[0] == ".git" or (path.is_dir() and not path.is_symlink()):
            continue
        kind = "link" if path.is_symlink() else "file"
        content = str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
        found[name] = (kind, path.lstat().st_mode & 0o777, content)
    return found
