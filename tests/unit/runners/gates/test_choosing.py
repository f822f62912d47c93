"""Which gates run, by which checkers, and what becomes of what these say. Pure."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from lemnos.domains.quality.model import ORDER, Finding, GateRequest, Verdict
from lemnos.kernel.errors import Invalid
from lemnos.runners.gates.merging import merged
from lemnos.runners.gates.plugin import Said
from lemnos.runners.gates.project import Project
from lemnos.runners.gates.python.declared import chosen, declares, sources
from lemnos.runners.gates.python.pinned import pins
from lemnos.runners.gates.python.ruff import formatter
from lemnos.runners.gates.python.tests import runner_of
from lemnos.runners.gates.registry import Registry, load, made_of
from lemnos.runners.gates.selection import select
from lemnos.runners.gates.verdicts import Heard
from tests.conformance.gates.tools import Script


def project(**known: Any) -> Project:
    return Project(**{"root": Path("/nowhere"), "files": ("a.py",), **known})


def selected(settings: dict[str, Any], **asked: Any) -> tuple[str, ...]:
    return select(project(settings=settings), GateRequest(**asked), (*ORDER, "own")).gates


def test_all_but_drift_run_where_nothing_is_said() -> None:
    assert selected({}) == (*(gate for gate in ORDER if gate != "drift"), "own")
    assert selected({}, drift_check=True) == (*ORDER, "own")


def test_what_is_asked_comes_before_what_is_configured() -> None:
    settings = {"run": ["lint", "tests"], "profiles": {"quick": {"run": ["own", "lint"]}}}

    assert selected(settings) == ("lint", "tests")
    assert selected(settings, profile="quick") == ("lint", "own")
    assert selected(settings, profile="quick", gates=("types",)) == ("types",)
    assert selected(settings, drift_check=True) == ("lint", "tests", "drift")


def test_what_is_skipped_runs_when_it_is_asked_for() -> None:
    settings = {"skip": ["audit"], "profiles": {"quick": {"skip": ["tests"]}}}

    assert "audit" not in selected(settings)
    assert not {"audit", "tests"} & set(selected(settings, profile="quick"))
    assert selected(settings, gates=("audit",)) == ("audit",)


def test_gates_are_optional_by_list_by_profile_and_by_themselves() -> None:
    settings = {
        "optional": ["audit"],
        "types": {"optional": True},
        "profiles": {"quick": {"optional": ["tests"]}},
    }
    known = project(settings=settings)

    assert select(known, GateRequest(), ORDER).optional == {"audit", "types"}
    assert select(known, GateRequest(profile="quick"), ORDER).optional == {
        "audit",
        "types",
        "tests",
    }


@pytest.mark.parametrize(
    ("settings", "asked"),
    [
        ({}, {"gates": ("lnt",)}),
        ({"run": ["lnt"]}, {}),
        ({"run": "lint"}, {}),
        ({"optional": ["lnt"]}, {}),
        ({"lnt": {"timeout": 3}}, {}),
        ({"profiles": {"quick": {"run": ["lnt"]}}}, {"profile": "quick"}),
        ({"profiles": {"quick": {}}}, {"profile": "slow"}),
    ],
)
def test_what_is_not_known_is_invalid(settings: dict[str, Any], asked: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        selected(settings, **asked)


# --- plug-ins -------------------------------------------------------------------------------------


def test_every_plug_in_of_ours_can_be_loaded() -> None:
    found = load()

    assert not found.unloadable
    assert {checker.gate for checker in found.checkers} >= {"lint", "format", "types", "tests"}


def test_plug_ins_that_give_no_checker_are_told() -> None:
    points = [
        EntryPoint("absent", "nowhere:Nothing", "lemnos.gates"),
        EntryPoint("odd", "builtins:dict", "lemnos.gates"),
        EntryPoint("good", "tests.conformance.gates.tools:Script", "lemnos.gates"),
    ]
    made = made_of(points)

    assert [one.gate for one in made.unloadable] == ["absent", "odd"]
    assert [checker.tool for checker in made.checkers] == ["script"]


def test_what_a_project_declares_takes_the_place_of_others() -> None:
    class Own:
        def of(self, project: Project) -> list[Script]:
            return [Script(tool="own"), Script(gate="extra")]

    registry = Registry((Script(), Script(gate="types")), (Own(),))
    found = registry.of(project())

    assert [checker.tool for checker in found["lint"]] == ["own"]
    assert [checker.tool for checker in found["types"]] == ["script"]
    assert list(found)[: len(ORDER)] == list(ORDER)
    assert list(found)[-1] == "extra"


# --- merging --------------------------------------------------------------------------------------


def heard(verdict: Verdict, tool: str = "tool", **said: Any) -> Heard:
    return Heard(Said(verdict, f"{tool}.", **said), tool)


@pytest.mark.parametrize("verdict", [one for one in Verdict if one is not Verdict.NOT_APPLICABLE])
def test_nothing_but_success_looks_like_success(verdict: Verdict, tmp_path: Path) -> None:
    said = [heard(Verdict.PASSED), heard(verdict), heard(Verdict.NOT_APPLICABLE)]
    result = merged("lint", said, tmp_path)

    assert result.verdict is verdict
    assert result.passed is (verdict is Verdict.PASSED)


def test_no_checker_and_none_that_applies(tmp_path: Path) -> None:
    for said in ([], [heard(Verdict.NOT_APPLICABLE)]):
        assert merged("lint", said, tmp_path).verdict is Verdict.NOT_APPLICABLE


def test_findings_are_joined_bounded_and_identified(tmp_path: Path) -> None:
    many = tuple(Finding("E1", "x" * 9_000, path="a.py") for _ in range(12_000))
    said = [heard(Verdict.FAILED, findings=many), heard(Verdict.FAILED, findings=many[:1])]
    result = merged("lint", said, tmp_path)

    assert len(result.findings) == 10_000
    assert result.metadata["findings_omitted"] == 2_001
    assert len(result.findings[0].message) < 3_000
    assert len({finding.fingerprint for finding in result.findings}) == 10_000


def test_counts_of_tools_add_up(tmp_path: Path) -> None:
    said = [
        heard(Verdict.PASSED, "one", metadata={"passed": 2, "share": 0.5}),
        heard(Verdict.PASSED, "two", metadata={"passed": 3}),
    ]
    result = merged("tests", said, tmp_path)

    assert result.metadata["passed"] == 5
    assert result.metadata["tools"]["one"]["share"] == 0.5


# --- what a Python project declares ---------------------------------------------------------------


@pytest.mark.parametrize(
    "known",
    [
        {"pyproject": {"tool": {"mypy": {}}}},
        {"pyproject": {"project": {"optional-dependencies": {"dev": ["MyPy>=1"]}}}},
        {"pyproject": {"dependency-groups": {"dev": [{"include-group": "x"}, "mypy[d]"]}}},
        {"pyproject": {"tool": {"poetry": {"group": {"dev": {"dependencies": {"mypy": "*"}}}}}}},
        {"precommit": {"repos": [{"hooks": [{"id": "mypy"}]}]}},
    ],
)
def test_a_tool_is_declared_in_many_ways(known: dict[str, Any]) -> None:
    assert declares(project(**known), "mypy")


@pytest.mark.parametrize(
    "known",
    [
        {},
        {"pyproject": {"tool": [], "project": "x", "dependency-groups": {"dev": "mypy"}}},
        {"precommit": {"repos": {"hooks": 3}}},
        {"pyproject": {"project": {"dependencies": ["mypy-extensions", 3]}}},
    ],
)
def test_odd_declarations_declare_nothing(known: dict[str, Any]) -> None:
    assert not declares(project(**known), "mypy")


def test_a_named_tool_comes_before_a_declared_one() -> None:
    declared: dict[str, Any] = {"tool": {"pyright": {}}}
    named = project(pyproject=declared, settings={"types": {"tool": ["ty"]}})

    assert chosen(project(pyproject=declared), "types", ("mypy", "pyright"), "mypy") == "pyright"
    assert chosen(named, "types", ("mypy", "pyright", "ty"), "mypy") == "ty"
    assert chosen(named, "types", ("mypy", "pyright"), "mypy") == ""
    assert chosen(project(), "types", ("mypy", "pyright"), "mypy") == "mypy"


@pytest.mark.parametrize(
    ("tools", "expected"),
    [
        ({}, "ruff"),
        ({"black": {}}, "black"),
        ({"black": {}, "ruff": {}}, "black"),
        ({"black": {}, "ruff": {"format": {}}}, "ruff"),
    ],
)
def test_which_formatter_a_project_means(tools: dict[str, Any], expected: str) -> None:
    assert formatter(project(pyproject={"tool": tools})) == expected


def test_where_the_code_is() -> None:
    assert sources(project(files=("src/a/__init__.py", "tests/b.py"))) == ("src",)
    assert sources(project(files=("a/__init__.py", "tests/__init__.py", "setup.py"))) == ("a",)
    assert sources(project(files=("one.py", "setup.py"))) == ("one.py",)
    assert sources(project(files=("deep/er/x.py",))) == (".",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import unittest\n", "unittest"),
        ("import unittest\n\ndef test_x(): ...\n", "pytest"),
        ("import pytest, unittest\n", "pytest"),
        ("", "pytest"),
    ],
)
def test_which_runner_the_tests_are_for(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "test_a.py").write_text(text)

    assert runner_of(project(root=tmp_path, files=("test_a.py",))) == expected


LOCKS = {
    "poetry.lock": '[[package]]\nname = "A_b"\nversion = "1"\n',
    "uv.lock": '[[package]]\nname = "a-b"\nversion = "1"\n[[package]]\nname = "me"\n'
    'version = "2"\nsource = { editable = "." }\n',
    "pylock.toml": 'lock-version = "1.0"\n[[packages]]\nname = "a-b"\nversion = "1"\n',
    "Pipfile.lock": '{"default": {"a-b": {"version": "==1"}}, "develop": {"c": {"path": "."}}}',
    "requirements.txt": "a-b[x] == 1 ; sys_platform \\\n  --hash=sha256:0\nc>=2\n-r o.txt\n",
}


@pytest.mark.parametrize("name", LOCKS)
def test_what_is_pinned(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(LOCKS[name])
    found = pins(project(root=tmp_path, files=(name,)))

    assert [(pin.name, pin.version, pin.path) for pin in found] == [("a-b", "1", name)]


@pytest.mark.parametrize("name", ["uv.lock", "Pipfile.lock"])
def test_a_lock_that_does_not_parse_pins_not_nothing(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{[")
    with pytest.raises(ValueError, match="can't be parsed"):
        pins(project(root=tmp_path, files=(name,)))
