"""The demonstration's stage: it removes nothing but what it made itself."""

from __future__ import annotations

import pytest

from lemnos.cli.demo.stage import clean_environment, make_stage
from lemnos.cli.errors import WrongUsage


def test_only_an_earlier_demonstration_is_replaced(tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    with pytest.raises(WrongUsage, match="holds something else"):
        make_stage(str(mine))
    assert (mine / "thesis.txt").read_text() == "years of work"

    stage = make_stage(str(tmp_path / "demo"))
    stage.work.mkdir()
    assert not make_stage(str(tmp_path / "demo")).work.exists()


def test_the_repository_has_the_defects_that_the_story_is_about(tmp_path):
    stage = make_stage(str(tmp_path / "demo"))
    stage.write_repository()
    tests = stage.run_tests(stage.work)
    assert not tests.passed
    assert "NameError" in tests.said
    assert stage.git("-C", str(stage.remote), "log", "--format=%an", "main") == "Lemnos demo\n"


def test_settings_and_credentials_of_the_user_stay_out(monkeypatch):
    for name in ("LEMNOS_URL", "ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GIT_DIR"):
        monkeypatch.setenv(name, "x")
    left = clean_environment()
    assert not [n for n in left if n.startswith(("LEMNOS_", "ANTHROPIC_", "OPENAI_", "GIT_"))]
    assert "PATH" in left
