"""`lemnos demo`, in the surroundings that a user may have."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.e2e


def _demo(cwd: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lemnos.cli", "demo", *arguments],
        cwd=cwd,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )


def _left_behind(folder: Path) -> list[str]:
    lines = [" ".join(p.info["cmdline"] or []) for p in psutil.process_iter(["cmdline"])]
    return [line for line in lines if str(folder) in line]


def test_it_works_whatever_the_users_environment_says(tmp_path: Path):
    ran = _demo(
        tmp_path,
        LEMNOS_URL="http://127.0.0.1:1",
        LEMNOS_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none",
        LEMNOS_DEFAULT_RUNTIME="claude-code",
        LEMNOS_BOGUS="1",
        ANTHROPIC_API_KEY="sk-ant-never-used",
        GIT_DIR="/nowhere",
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    for text in (
        "FAILED (errors=2)",
        "order-desk --gate lint --set-baseline",
        "orders/receipt.py:9:13: Undefined name `Decimal`",
        "with 8 known findings.",
        "curl -X POST http://127.0.0.1:",
        "● Agent: builtin.",
        "+    return candidates[0]",
        "● Follow-up 2",
        "codeforge/task-",
        "tinker is registered; its health: healthy",
        "by best_score",
        "opportunities",
        "checks: ",
        "chaos ",
        "Ran 8 tests",
        "OK",
        "each chained to the one before",
        "Where to look next",
    ):
        assert text in ran.stdout
    assert "\x1b" not in ran.stdout  # no colours where nobody sees them
    assert "sk-ant" not in ran.stdout + ran.stderr
    assert not _left_behind(tmp_path)
    assert (tmp_path / ".lemnos" / "demo" / "review" / "orders" / "pricing.py").is_file()


def test_a_second_one_replaces_the_first(tmp_path: Path):
    facts = [json.loads(_demo(tmp_path, "--folder", "d", "--json").stdout) for _ in range(2)]
    assert facts[0]["task"] != facts[1]["task"]
    assert facts[1]["agent"] == "builtin"
    assert facts[1]["gates"] == [1, 0, 0]
    assert facts[1]["ranked"]
    assert facts[1]["routed_to"] == "smith"
    assert facts[1]["score_after"] < facts[1]["score_before"]


def test_it_fails_when_something_is_wrong(tmp_path: Path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("precious")
    assert _demo(tmp_path, "--folder", "mine").returncode == 2
    assert (tmp_path / "mine" / "file").read_text() == "precious"
    no_git = _demo(tmp_path, PATH=str(tmp_path))
    assert no_git.returncode == 1
    assert "git is not installed" in no_git.stderr
    assert not _left_behind(tmp_path)
