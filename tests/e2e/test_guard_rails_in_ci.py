"""The commit hooks and the GitHub Action: what they define is run as pre-commit and GitHub do."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.git_repos import CLEAN_GIT_ENV, git
from tests.support.shell import Ran

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.prefix) / "bin"
_CLEAN, _UNUSED = '"""Fine."""\n', "import os\n"


@pytest.fixture
def environment(tmp_path) -> dict[str, str]:
    """Of a machine on which Lemnos is installed."""
    path = os.pathsep.join([str(BIN), CLEAN_GIT_ENV["PATH"]])
    own = {"LEMNOS_DATA": str(tmp_path / "data"), "PRE_COMMIT_HOME": str(tmp_path / "pre-commit")}
    return {**CLEAN_GIT_ENV, **own, "PATH": path, "HOME": str(tmp_path)}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with two files that are fine."""
    folder = tmp_path / "project"
    (folder / "src").mkdir(parents=True)
    (folder / "pyproject.toml").write_text("[tool.ruff]\nline-length = 100\n")
    (folder / "src" / "a.py").write_text(_CLEAN)
    (folder / "src" / "b.py").write_text(_CLEAN)
    git("init", "--quiet", str(folder))
    git("add", "--all", cwd=folder)
    git("commit", "--quiet", "--message=First", cwd=folder)
    return folder


def _ran(command: list[str], cwd: Path, env: Mapping[str, str]) -> Ran:
    done = subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, text=True, timeout=120, check=False
    )
    return Ran(done.returncode, done.stdout, done.stderr)


# --- pre-commit ------------------------------------------------------------------------------


@pytest.fixture
def pre_commit(tmp_path, project, environment) -> Callable[..., Ran]:
    """``pre_commit("lemnos-guard-rails")`` runs a hook of ours on what is staged."""
    hooks = tmp_path / "hooks"
    git("init", "--quiet", str(hooks))
    (hooks / ".pre-commit-hooks.yaml").write_bytes((ROOT / ".pre-commit-hooks.yaml").read_bytes())
    git("add", "--all", cwd=hooks)
    git("commit", "--quiet", "--message=Hooks", cwd=hooks)

    def run(hook: str) -> Ran:
        # `system`: Lemnos is on the path already, and nothing is installed for a test.
        used = {"id": hook, "language": "system", "args": ["--gate", "lint"]}
        repo = {"repo": str(hooks), "rev": git("rev-parse", "HEAD", cwd=hooks), "hooks": [used]}
        (project / ".pre-commit-config.yaml").write_text(yaml.safe_dump({"repos": [repo]}))
        git("add", ".pre-commit-config.yaml", cwd=project)
        return _ran([str(BIN / "pre-commit"), "run", "--color=never"], project, environment)

    return run


def test_the_manifest_of_hooks_is_valid(environment):
    manifest = str(ROOT / ".pre-commit-hooks.yaml")
    done = _ran([str(BIN / "pre-commit"), "validate-manifest", manifest], ROOT, environment)
    assert done.code == 0, done.out + done.err


def test_a_commit_is_judged_by_its_files(pre_commit, project):
    (project / "src" / "b.py").write_text(_UNUSED)
    git("commit", "--quiet", "--all", "--message=Old debt", cwd=project)
    (project / "src" / "a.py").write_text(_CLEAN + _UNUSED)
    git("add", "src/a.py", cwd=project)
    refused = pre_commit("lemnos-guard-rails")
    assert refused.code == 1, refused.out + refused.err
    assert "src/a.py:2:8:" in refused.out
    assert "src/b.py" not in refused.out

    (project / "src" / "a.py").write_text(_CLEAN + "X = 1\n")
    git("add", "src/a.py", cwd=project)
    passed = pre_commit("lemnos-guard-rails")
    assert passed.code == 0, passed.out + passed.err
    assert re.search(r"Lemnos guard rails\.+Passed", passed.out)


def test_the_other_hook_judges_everything(pre_commit, project):
    (project / "src" / "b.py").write_text(_UNUSED)
    git("commit", "--quiet", "--all", "--message=Old debt", cwd=project)
    refused = pre_commit("lemnos-guard-rails-all")
    assert refused.code == 1, refused.out + refused.err
    assert "src/b.py:1:8:" in refused.out


# --- GitHub ----------------------------------------------------------------------------------


class Action:
    """Runs the steps of ``action.yml`` as a runner does, all but those that use other actions."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self._definition = yaml.safe_load((ROOT / "action.yml").read_text())
        self._temp = folder / "runner"
        self._temp.mkdir()
        self._env = {**env, "RUNNER_TEMP": str(self._temp)}

    @property
    def tools(self) -> Path:
        """Where the action installs Lemnos."""
        return self._temp / "lemnos"

    def step(self, name: str, cwd: Path, **inputs: str) -> tuple[Ran, dict[str, str]]:
        """One step; what it said, and its outputs."""
        step = next(s for s in self._definition["runs"]["steps"] if s["name"] == name)
        output = self._temp / "output"
        output.write_text("")
        script = self._temp / "script.sh"
        script.write_text(step["run"])
        env = {key: self._filled(text, inputs) for key, text in step.get("env", {}).items()}
        env |= {**self._env, "GITHUB_OUTPUT": str(output)}
        assert step["shell"] == "bash"
        shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)]
        ran = _ran(shell, cwd, env)
        return ran, dict(line.split("=", 1) for line in output.read_text().splitlines())

    def _filled(self, text: str, given: Mapping[str, str]) -> str:
        inputs = {name: each["default"] for name, each in self._definition["inputs"].items()}
        names = {f"inputs.{name}": value for name, value in {**inputs, **given}.items()}
        names["github.action_path"] = str(ROOT)
        return re.sub(r"\$\{\{ (.*?) \}\}", lambda found: names[found[1]], text)


@pytest.fixture
def action(tmp_path, environment) -> Action:
    return Action(tmp_path, environment)


@pytest.fixture
def installed(action: Action) -> Action:
    """The action after its installation: what is installed here, where it looks for it."""
    action.tools.symlink_to(sys.prefix)
    return action


def test_the_action_fits_githubs_schema(environment):
    schema = "vendor.github-actions"
    command = [str(BIN / "check-jsonschema"), "--builtin-schema", schema, str(ROOT / "action.yml")]
    done = _ran(command, ROOT, environment)
    assert done.code == 0, done.out + done.err


def test_no_input_is_put_into_a_script():
    definition = yaml.safe_load((ROOT / "action.yml").read_text())
    scripts = [step["run"] for step in definition["runs"]["steps"] if "run" in step]
    assert len(scripts) == 3
    assert not [script for script in scripts if "${{" in script]


def test_a_python_that_is_there_is_taken(action, tmp_path):
    assert action.step("Look for a Python", tmp_path)[1] == {"found": "true"}


@pytest.mark.parametrize(
    ("version", "wanted"), [("", f"{ROOT}[gates]"), ("1.2.3", "lemnos[gates]==1.2.3")]
)
def test_what_it_installs(action, tmp_path, environment, version, wanted):
    said = tmp_path / "said"
    programs = tmp_path / "programs"
    programs.mkdir()
    python = programs / "python"
    python.write_text(
        f'#!/bin/bash\necho "$@" >> {said}\n'
        f'if [ "$2" = venv ]; then mkdir -p "$4/bin"; cp "$0" "$4/bin/python"; fi\n'
    )
    python.chmod(0o755)
    action._env["PATH"] = f"{programs}:{environment['PATH']}"
    assert action.step("Install Lemnos", tmp_path, version=version)[0].code == 0
    assert said.read_text().splitlines()[-1] == f"-m pip install --quiet {wanted}"


def test_it_fails_with_the_code_and_the_findings(installed, project):
    (project / "src" / "b.py").write_text(_UNUSED)
    ran, outputs = installed.step("Run the gates", project, gates="lint, format")
    assert ran.code == 1, ran.out + ran.err
    assert outputs == {"sarif-file": "lemnos.sarif", "exit-code": "1"}
    found = _sarif_results(project / "lemnos.sarif")
    assert [one["ruleId"] for one in found["lint"]] == ["F401"]
    assert found["format"] == []


def test_its_inputs_reach_the_command(installed, project):
    (project / "src" / "b.py").write_text(_UNUSED)
    (project / "lemnos.toml").write_text('[gates.profiles.quick]\nrun = ["format"]\n')
    options = {"path": "project", "profile": "quick", "sarif-file": "a b.sarif"}
    ran, outputs = installed.step("Run the gates", project.parent, **options)
    assert ran.code == 0, ran.out + ran.err
    assert outputs == {"sarif-file": "a b.sarif", "exit-code": "0"}
    assert list(_sarif_results(project.parent / "a b.sarif")) == ["format"]


def test_inputs_are_never_run(installed, project):
    ran, _ = installed.step("Run the gates", project, gates="$(touch hacked) `touch hacked`; lint")
    assert ran.code == 2, ran.out + ran.err
    assert not (project / "hacked").exists()


def _sarif_results(path: Path) -> dict[str, list[dict[str, Any]]]:
    log = json.loads(path.read_text())
    return {run["properties"]["gate"]: run["results"] for run in log["runs"]}
