"""From options to the body of a routed task."""

from __future__ import annotations

import subprocess

import pytest

from lemnos.cli.errors import WrongUsage
from lemnos.cli.orders import fan_out, filled, order


def test_what_was_left_out_is_not_sent():
    assert order("debugging", "why?") == {"type": "debugging", "description": "why?"}


def test_every_option_has_its_place():
    body = order(
        "testing",
        "more tests",
        repo="https://example.org/r.git",
        branch="dev",
        agent="a",
        capabilities=["testing"],
        max_cost=0.5,
        max_tokens=10,
        timeout=60,
        priority="high",
        preferred=["openai"],
        excluded=["b"],
        strategy="weighted",
        context={"language": "go"},
    )
    assert body == {
        "type": "testing",
        "description": "more tests",
        "agent_id": "a",
        "strategy": "weighted",
        "context": {
            "repository_url": "https://example.org/r.git",
            "branch": "dev",
            "language": "go",
        },
        "requirements": {
            "required_capabilities": ["testing"],
            "max_tokens": 10,
            "timeout_seconds": 60,
            "priority": "high",
        },
        "constraints": {
            "max_cost_usd": 0.5,
            "preferred_providers": ["openai"],
            "excluded_agents": ["b"],
        },
    }


def test_a_repository_on_this_machine_is_named_by_its_folder(tmp_path):
    subprocess.run(["git", "init", "-q", str(tmp_path / "r")], check=True)
    (tmp_path / "r" / "inner").mkdir()
    body = order("testing", repo=str(tmp_path / "r" / "inner"))
    assert body["context"] == {"repository_path": str(tmp_path / "r")}


def test_zero_and_false_are_said():
    assert filled(a=0, b=False, c=None, d="", e=[], f={}) == {"a": 0, "b": False}


def test_several_agents_are_at_least_two():
    assert fan_out("a, b,") == {"agents": ["a", "b"], "pick": "gates"}
    assert fan_out("") == {}
    with pytest.raises(WrongUsage):
        fan_out("a")
