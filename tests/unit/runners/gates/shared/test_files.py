"""YAML, workflows and rubbish, by the real tools in the sandbox."""

from __future__ import annotations

from pathlib import Path

import pytest

from lemnos.domains.quality.model import Verdict
from lemnos.runners.gates.project import Project
from lemnos.runners.gates.shared.cleanup import cleanup
from lemnos.runners.gates.shared.workflow import Actionlint, WorkflowSchema, Zizmor
from lemnos.runners.gates.shared.yaml import YamlLint
from tests.support.gating import Scratch

WORKFLOW = ".github/workflows/ci.yml"
GOOD = "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: 'true'\n"


@pytest.fixture
def scratch(tmp_path: Path) -> Scratch:
    """An empty project."""
    return Scratch(tmp_path / "project")


async def test_yaml_is_judged_for_what_is_wrong_not_for_what_is_long(scratch: Scratch) -> None:
    scratch.write({"a.yaml": f"a: {'x' * 300}\n", "b.yml": "a: 1\na: 2\n"})

    result = await scratch.judge(YamlLint())

    assert result.verdict is Verdict.FAILED
    assert [(one.rule, one.path, one.line) for one in result.findings] == [
        ("key-duplicates", "b.yml", 2)
    ]


async def test_yaml_by_the_projects_own_configuration(scratch: Scratch) -> None:
    scratch.write({"a.yaml": "a:   1\n", ".yamllint": "rules: {colons: enable}\n"})
    strict = await scratch.judge(YamlLint())
    scratch.write({".yamllint": "rules: {colons: disable}\n"})
    loose = await scratch.judge(YamlLint())
    scratch.write({".yamllint": "rules: {nonsense: enable}\n"})
    broken = await scratch.judge(YamlLint())

    assert (strict.verdict, loose.verdict) == (Verdict.FAILED, Verdict.PASSED)
    assert broken.verdict is Verdict.MISCONFIGURED


async def test_yaml_that_is_generated_or_left_out(scratch: Scratch) -> None:
    bad = "a: [1\n"
    scratch.write({"pnpm-lock.yaml": bad, "charts/templates/a.yaml": bad})
    scratch.write({"lemnos.toml": '[gates.yaml]\nexclude = ["charts/templates/"]\n'})

    assert (await scratch.judge(YamlLint())).verdict is Verdict.NOT_APPLICABLE


async def test_yaml_narrowed_to_changed_files(scratch: Scratch) -> None:
    scratch.write({"a.yaml": "a: [1\n", "b.yaml": "b: 1\n"})

    assert (await scratch.judge(YamlLint(), changed=("b.yaml",))).verdict is Verdict.PASSED


async def test_workflows_by_their_schema(scratch: Scratch) -> None:
    scratch.write({WORKFLOW: GOOD.replace("steps", "stepz"), ".github/workflows/b.yml": "on: [\n"})
    bad = await scratch.judge(WorkflowSchema())
    scratch.write({WORKFLOW: GOOD, ".github/workflows/b.yml": GOOD})
    good = await scratch.judge(WorkflowSchema())

    assert bad.verdict is Verdict.FAILED
    assert [(one.rule, one.path) for one in bad.findings] == [
        ("schema", WORKFLOW),
        ("syntax", ".github/workflows/b.yml"),
    ]
    assert "stepz" in bad.findings[0].message
    assert good.verdict is Verdict.PASSED, good.message


async def test_declared_workflow_tools_that_are_not_installed_are_missing(scratch: Scratch) -> None:
    hooks = "repos: [{repo: x, rev: v1, hooks: [{id: actionlint}, {id: zizmor}]}]\n"
    scratch.write({WORKFLOW: GOOD, ".pre-commit-config.yaml": hooks})

    for checker in (Actionlint(), Zizmor()):
        assert (await scratch.judge(checker)).verdict is Verdict.MISSING_TOOL
    assert (await scratch.judge(WorkflowSchema())).verdict is Verdict.NOT_APPLICABLE


async def test_no_workflows_are_nothing_to_judge(scratch: Scratch) -> None:
    scratch.write({"a.yml": "a: 1\n", ".github/workflows/deeper/b.yml": "a: 1\n"})

    for checker in (Actionlint(), WorkflowSchema(), Zizmor()):
        assert not checker.applies(Project(scratch.root, ("a.yml", ".github/workflows/x/b.yml")))


async def test_cleanup_removes_what_the_system_left_and_nothing_else(scratch: Scratch) -> None:
    scratch.write({"a.py": "", "sub/.DS_Store": "x", "sub/__pycache__/a.pyc": "x"})
    looked = await scratch.judge(cleanup(), no_format=True)
    still = (scratch.root / "sub/.DS_Store").exists()
    removed = await scratch.judge(cleanup())

    assert (looked.verdict, looked.message) == (Verdict.PASSED, "1 file would be removed.")
    assert still
    assert removed.verdict is Verdict.PASSED
    assert removed.metadata["files_deleted"] == 1
    assert not (scratch.root / "sub/.DS_Store").exists()
    assert (scratch.root / "sub/__pycache__/a.pyc").exists()
