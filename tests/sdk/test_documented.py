"""The examples of the ORCHEX reference, run with the SDKs as they are shipped.

Agents are real: Claude Code, whose model is scripted.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sdk.programs import ROOT, environment, run
from tests.support.model_endpoint import ModelEndpoint
from tests.support.model_script import Say
from tests.support.npm import require_cli
from tests.support.server import LemnosServer

pytestmark = [pytest.mark.e2e, pytest.mark.real_cli]
CODE = "module.exports = () => 42;"
ANSWER = f"```javascript\n{CODE}\n```\n\n## Explanation\nAn endpoint."

# As in the reference.
PYTHON = """
from ORCHEX import ORCHEX

# Initialize client
ORCHEX = ORCHEX(api_key="your_api_key")

# Register agent
agent = ORCHEX.agents.register(
    agent_id="claude-sonnet-4",
    name="Claude Sonnet 4",
    provider="anthropic",
    capabilities=["code_generation", "code_review"]
)

# Submit task
task = ORCHEX.tasks.submit(
    type="code_generation",
    description="Create authentication endpoint",
    context={"language": "javascript", "framework": "express"}
)

# Wait for completion
result = task.wait()
print(result.code)
"""
JAVASCRIPT = """
const { ORCHEX } = require('@ORCHEX/sdk');

const ORCHEX = new ORCHEX({ apiKey: 'your_api_key' });

// Submit task
const result = await ORCHEX.tasks.submit({
  type: 'code_generation',
  description: 'Create user registration endpoint',
  context: { language: 'javascript', framework: 'express' },
});

console.log(result.code);
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LemnosServer]:
    """A server with Claude Code, which always gives the same answer."""
    with ModelEndpoint(Say(ANSWER)) as model:
        env = {
            "LEMNOS_CLAUDE_PATH": str(require_cli("claude")),
            "LEMNOS_ANTHROPIC_BASE_URL": model.url,
            "LEMNOS_ANTHROPIC_API_KEY": "sk-of-the-operator",
        }
        with LemnosServer(tmp_path_factory.mktemp("lemnos"), env=env) as running:
            yield running


@pytest.fixture(scope="module")
def installed(artifacts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel alone; its dependencies are those of this environment."""
    folder = tmp_path_factory.mktemp("site")
    (wheel,) = artifacts.glob("lemnos_sdk-*.whl")
    uv = str(ROOT / ".venv" / "bin" / "uv")
    options = ["--quiet", "--offline", "--no-deps", "--python", sys.executable]
    subprocess.run([uv, "pip", "install", *options, "--target", folder, wheel], check=True)
    return folder


@pytest.fixture(scope="module")
def project(artifacts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A JavaScript project with the tarball under the name of the reference."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "package.json").write_text("{}")
    (tarball,) = artifacts.glob("lemnos-sdk-*.tgz")
    shutil.copy(tarball, folder)
    install = ["npm", "install", "--silent", "--offline", f"@ORCHEX/sdk@file:{tarball.name}"]
    subprocess.run(install, cwd=folder, check=True)
    return folder


def test_the_python_example_runs_as_it_stands(
    server: LemnosServer, installed: Path, tmp_path: Path
) -> None:
    example = tmp_path / "example.py"
    example.write_text(PYTHON.replace("your_api_key", server.key))
    places = {"PYTHONPATH": str(installed), "ORCHEX_BASE_URL": f"{server.url}/v1"}
    done = run([sys.executable, example], tmp_path, environment(server, **places))
    assert done.stdout.strip() == CODE, done.stderr


def test_the_javascript_example_declares_a_name_twice(server: LemnosServer, project: Path) -> None:
    """No SDK can make it run as it stands: JavaScript refuses it before its first line."""
    (project / "as-it-stands.cjs").write_text(JAVASCRIPT)
    done = run(["node", "as-it-stands.cjs"], project, environment(server))
    assert "SyntaxError: Identifier 'ORCHEX' has already been declared" in done.stderr


def test_the_javascript_example_with_another_name(
    server: LemnosServer, project: Path, installed: Path, tmp_path: Path
) -> None:
    """The client's name, and a function around `await`, are all that changes."""
    register = PYTHON.split("# Submit task", maxsplit=1)[0].replace("claude-sonnet-4", "another")
    script = tmp_path / "register.py"
    script.write_text(register.replace("your_api_key", server.key))
    python = environment(server, PYTHONPATH=str(installed))
    assert run([sys.executable, script], tmp_path, python).returncode == 0
    changed = (
        JAVASCRIPT.replace("const ORCHEX =", "const orchex =")
        .replace("ORCHEX.tasks", "orchex.tasks")
        .replace("your_api_key", server.key)
    )
    (project / "example.cjs").write_text(f"(async () => {{{changed}}})();")
    done = run(["node", "example.cjs"], project, environment(server))
    assert done.stdout.strip() == CODE, done.stderr
