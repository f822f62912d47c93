"""Gates that a project declares itself, and a plug-in of somebody else."""

from __future__ import annotations

import json
import sys
import textwrap
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from lemnos.domains.quality.model import GateReport, Level, Verdict
from lemnos.kernel.errors import Invalid
from lemnos.runners.gates.project import Project
from lemnos.runners.gates.registry import Registry, made_of
from lemnos.runners.gates.shared import custom
from lemnos.runners.gates.shared.custom import CustomGates
from tests.support.gating import Scratch


@pytest.fixture
def scratch(tmp_path: Path) -> Scratch:
    """An empty project."""
    return Scratch(tmp_path / "project")


async def judged(scratch: Scratch, table: str, script: str = "exit 0\n") -> GateReport:
    """The gate ``own`` of a project whose script ``check.sh`` it may start."""
    scratch.write({"check.sh": f"#!/bin/sh\n{script}"})
    (scratch.root / "check.sh").chmod(0o755)
    scratch.write({"lemnos.toml": f'[[gates.custom]]\nname = "own"\n{table}'})
    return await scratch.report(registry=Registry(families=(CustomGates(),)), gates=("own",))


async def test_by_its_exit_code(scratch: Scratch) -> None:
    table = "command = \"./check.sh --strict 'a b'\"\n"

    passed = await judged(scratch, table, 'test "$2" = "a b"\n')
    failed = await judged(scratch, table, "echo it is bad\nexit 3\n")

    assert passed.success
    assert failed.results[0].verdict is Verdict.FAILED
    assert failed.results[0].findings[0].message == "own ended with 3: it is bad"


async def test_by_a_pattern(scratch: Scratch) -> None:
    table = (
        'command = ["./check.sh"]\nparser = "regex"\n'
        "pattern = '^(?P<path>\\S+):(?P<line>\\d+): (?P<level>\\w+) "
        "(?P<rule>\\w+) (?P<message>.*)$'\n"
    )

    report = await judged(scratch, table, "echo 'src/a.c:7: warning W1 odd'\nexit 1\n")

    (finding,) = report.results[0].findings
    assert (finding.path, finding.line, finding.rule) == ("src/a.c", 7, "W1")
    assert (finding.message, finding.level) == ("odd", Level.WARNING)
    assert report.results[0].verdict is Verdict.FAILED


async def test_a_pattern_that_takes_for_ever_is_ended(
    scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(custom, "_PATIENCE", 1.0)
    table = 'command = "./check.sh"\nparser = "regex"\npattern = "(?P<message>(a+)+)$"\n'

    report = await judged(scratch, table, f"echo {'a' * 60}b\n")

    assert report.results[0].verdict is Verdict.CRASHED
    assert "too long" in report.results[0].message


async def test_by_sarif_in_a_file(scratch: Scratch) -> None:
    location = {"artifactLocation": {"uri": "a%20b.c"}, "region": {"startLine": 2}}
    result = {
        "ruleId": "R1",
        "level": "error",
        "message": {"text": "bad"},
        "locations": [{"physicalLocation": location}],
    }
    hidden = {**result, "suppressions": [{"kind": "inSource"}]}
    log = {"version": "2.1.0", "runs": [{"tool": {}, "results": [result, hidden]}]}
    scratch.write({"log.json": json.dumps(log)})
    table = 'command = "./check.sh {reports}"\nparser = "sarif"\nreport = "out.sarif"\n'

    report = await judged(scratch, table, 'cp log.json "$1/out.sarif"\n')

    (finding,) = report.results[0].findings
    assert (finding.rule, finding.path, finding.line) == ("R1", "a b.c", 2)
    assert report.results[0].verdict is Verdict.FAILED  # though it ended with 0


async def test_by_junit_on_its_output(scratch: Scratch) -> None:
    xml = (
        '<testsuite><testcase name="a"/><testcase name="b" file="t.c" line="4">'
        '<failure message="no"/></testcase></testsuite>'
    )
    table = 'command = "./check.sh"\nparser = "junit"\n'

    report = await judged(scratch, table, f"echo '{xml}'\n")

    assert report.results[0].message == "1 passed, 1 failed."
    assert report.results[0].findings[0].path == "t.c"


@pytest.mark.parametrize("parser", ["sarif", "junit"])
async def test_a_report_that_is_none_is_no_verdict(scratch: Scratch, parser: str) -> None:
    entity = '<!DOCTYPE a [<!ENTITY e "x">]><testsuite>&e;</testsuite>'
    table = f'command = "./check.sh"\nparser = "{parser}"\n'

    report = await judged(scratch, table, f"echo '{entity}'\n")

    assert report.results[0].verdict is Verdict.CRASHED


async def test_what_is_missing_says_how_to_install_it(scratch: Scratch) -> None:
    report = await judged(scratch, 'command = "no-such-tool"\ninstall = "apt install it"\n')

    assert report.results[0].verdict is Verdict.MISSING_TOOL
    assert "apt install it" in report.results[0].message


async def test_files_say_whether_it_applies(scratch: Scratch) -> None:
    report = await judged(scratch, 'command = "./check.sh"\nfiles = ["*.c"]\n')

    assert report.results[0].verdict is Verdict.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ({"name": "A b", "command": "x"}, "name"),
        ({"name": "a"}, "command"),
        ({"name": "a", "command": "'"}, "split"),
        ({"name": "a", "command": "x", "parser": "xml"}, "xml"),
        ({"name": "a", "command": "x", "parser": "regex"}, "pattern"),
        ({"name": "a", "command": "x", "parser": "regex", "pattern": "("}, "pattern"),
        ({"name": "a", "command": "x", "parser": "regex", "pattern": "a"}, "message"),
        ({"name": "a", "command": "x", "report": "../x"}, "report"),
        ({"name": "a", "command": "x", "timeout": 0}, "timeout"),
        ({"name": "a", "command": "x", "unknown": 1}, "unknown"),
    ],
)
def test_a_declaration_that_makes_no_sense(table: dict[str, object], why: str) -> None:
    project = Project(Path("/"), (), settings={"custom": [table]})

    with pytest.raises(Invalid, match=r"gates\.custom") as raised:
        CustomGates().of(project)

    assert why in raised.value.message


PLUGIN = """
from lemnos.domains.quality.model import Finding, Verdict
from lemnos.runners.gates.plugin import Said

class NoTodo:
    gate, tool, writes, cached = "todo", "no-todo", False, True

    def applies(self, project):
        return bool(project.having(".py"))

    async def judge(self, project, request):
        found = tuple(
            Finding("todo", "something is left to do", path=path, line=number)
            for path in project.having(".py")
            for number, line in enumerate((project.root / path).read_text().splitlines(), 1)
            if "TODO" in line
        )
        return Said(Verdict.FAILED if found else Verdict.PASSED, f"{len(found)} found.", found)
"""


async def test_a_plug_in_of_somebody_else(
    scratch: Scratch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "todo_plugin.py").write_text(textwrap.dedent(PLUGIN))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "todo_plugin", raising=False)
    points = [
        EntryPoint("todo", "todo_plugin:NoTodo", "lemnos.gates"),
        EntryPoint("gone", "no_such_module:Gone", "lemnos.gates"),
    ]
    scratch.write({"a.py": "x = 1  # TODO\n"})

    report = await scratch.report(registry=made_of(points), gates=("todo", "gone"))

    verdicts = {result.gate: result.verdict for result in report.results}
    assert verdicts == {"todo": Verdict.FAILED, "gone": Verdict.CRASHED}
    (finding,) = next(one for one in report.results if one.gate == "todo").findings
    assert finding.line == 1
    assert finding.fingerprint
