"""Which runtime does a task, and why."""

from __future__ import annotations

from typing import Literal

import pytest

from lemnos.domains.agents.ports import (
    AgentRun,
    ErrorClass,
    RunSpec,
    RuntimeStatus,
)
from lemnos.kernel.errors import Invalid
from lemnos.runners.runtimes import registry as module
from lemnos.runners.runtimes.registry import RuntimeRegistry
from lemnos.runners.runtimes.run import RefusedRun


class Installed:
    """A runtime that is there, or is not."""

    needs: Literal["anthropic", "openai", "none", "any"] = "any"

    def __init__(self, name: str, installed: bool = True) -> None:
        self.name = name
        self.installed = installed
        self.probes = 0

    async def probe(self) -> RuntimeStatus:
        self.probes += 1
        return RuntimeStatus(self.installed, "1.2.3", "" if self.installed else "not found")

    async def start(self, spec: RunSpec) -> AgentRun:
        return RefusedRun("not here", ErrorClass.NOT_INSTALLED)


def _registry(claude: bool = True, codex: bool = True, default: str = "") -> RuntimeRegistry:
    runtimes = [
        Installed("claude-code", claude),
        Installed("codex", codex),
        Installed("builtin"),
    ]
    return RuntimeRegistry(runtimes, default)


@pytest.mark.parametrize(
    ("registry", "requested", "keys", "name", "word"),
    [
        (_registry(), "codex", {"anthropic"}, "codex", "asks for"),
        (_registry(default="codex"), "", {"anthropic"}, "codex", "default"),
        (_registry(default="codex"), "builtin", set(), "builtin", "asks for"),
        (_registry(), "", {"anthropic"}, "claude-code", "1.2.3"),
        (_registry(), "", {"openai"}, "builtin", "no key"),
        (_registry(claude=False), "", {"anthropic"}, "builtin", "not installed"),
    ],
)
async def test_the_rule(
    registry: RuntimeRegistry, requested: str, keys: set[str], name: str, word: str
) -> None:
    choice = await registry.choose(requested, keys)

    assert choice.runtime.name == name
    assert word in choice.reason


async def test_a_runtime_that_is_not_there_is_not_replaced_by_another() -> None:
    with pytest.raises(Invalid) as refused:
        await _registry(codex=False).choose("codex", {"anthropic"})
    assert refused.value.code == "runtime_not_installed"


def test_an_unknown_name_is_refused() -> None:
    registry = _registry()
    registry.check("")
    registry.check("codex")

    with pytest.raises(Invalid) as refused:
        registry.check("emacs")
    assert refused.value.code == "unknown_runtime"
    with pytest.raises(Invalid):
        RuntimeRegistry([Installed("builtin")], default="emacs")


async def test_a_probe_is_kept_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = Installed("codex")
    registry = RuntimeRegistry([runtime])

    for _ in range(3):
        assert (await registry.statuses())["codex"].installed
    assert runtime.probes == 1

    monkeypatch.setattr(module, "PROBED_FOR", -1.0)
    await registry.status("codex")
    assert runtime.probes == 2
