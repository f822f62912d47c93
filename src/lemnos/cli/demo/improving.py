"""The second half of the demonstration: agents that are routed, an analysis, a refactoring."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lemnos.cli.analyses import print_analysis
from lemnos.cli.client import Client
from lemnos.cli.demo.telling import Teller
from lemnos.cli.output import Output
from lemnos.cli.refactorings import print_refactoring
from lemnos.cli.routed import print_decision
from lemnos.cli.waiting import wait

_AGENTS: Mapping[str, tuple[str, ...]] = {
    "smith": ("refactoring", "debugging"),
    "tinker": ("documentation",),
}
_WORST = 5
_ENDED = frozenset({"completed", "failed", "rolled_back", "cancelled"})


def improve(tell: Teller, client: Client, repository: str, branch: str) -> None:
    """All of it, on a branch of a repository that the server may read."""
    tell.heading("Agents, and who would get a task")
    _register(tell, client)
    _route(tell, client)
    tell.heading("The branch is analysed")
    opportunity = _analyse(tell, client, repository, branch)
    tell.heading("What was found is carried out, checked and measured")
    _refactor(tell, client, opportunity)


def _register(tell: Teller, client: Client) -> None:
    for name, capabilities in _AGENTS.items():
        options = " ".join(f"--capability {each}" for each in capabilities)
        tell.command(f"lemnos agents register {name} --provider builtin {options}")
        body = {"agent_id": name, "name": name, "provider": "builtin", "capabilities": capabilities}
        made = client.orchex.register_agent(body)
        tell.say(f"{name} is {made['status']}; its health: {made['health']}")
        tell.demand(made["health"] == "healthy", f"The agent {name} is {made['health']}.")


def _route(tell: Teller, client: Client) -> None:
    tell.command("lemnos route --type refactoring --capability refactoring")
    wanted = {"required_capabilities": ["refactoring"]}
    decision = client.orchex.route({"type": "refactoring", "requirements": wanted})
    tell.show(lambda to: print_decision(to, decision))
    tell.demand(decision["agent_id"] == "smith", "The task would not go to who can do it.")
    tell.facts |= {"routed_to": decision["agent_id"]}


def _analyse(tell: Teller, client: Client, repository: str, branch: str) -> Mapping[str, Any]:
    tell.command(f"lemnos analyze {repository} --branch {branch}")
    started = client.orchex.analyze({"repository_path": repository, "branch": branch})
    name = started["analysis_id"]
    analysis = _ended(tell, lambda: client.orchex.analysis(name))
    tell.show(lambda to: print_analysis(to, analysis, _WORST))
    tell.demand(analysis["status"] == "completed", f"The analysis is {analysis['status']}.")
    found: list[Mapping[str, Any]] = analysis["opportunities"]
    tell.demand(bool(found), "The analysis has found nothing to improve.")
    tell.facts |= {"analysis": name, "opportunities": len(found)}
    return found[0]


def _refactor(tell: Teller, client: Client, opportunity: Mapping[str, Any]) -> None:
    name = opportunity["opportunity_id"]
    tell.command(f"lemnos refactor {name}")
    started = client.orchex.refactor({"opportunity_id": name})
    made = _ended(tell, lambda: client.orchex.refactoring(started["refactoring_id"]))
    tell.show(lambda to: print_refactoring(to, made))
    tell.demand(bool(made["success"]), f"The refactoring is {made['status']}.")
    effect = made["effect"]
    tell.demand(effect["score_after"] < effect["score_before"], "The score has not fallen.")
    tell.facts |= {"score_before": effect["score_before"], "score_after": effect["score_after"]}


def _ended(tell: Teller, look: Any) -> Mapping[str, Any]:
    return wait(
        Output(tell.quiet),
        look,
        lambda found: found["status"] in _ENDED,
        lambda found: str(found.get("stage") or found["status"]),
        hint="The demonstration is not finished.",
    )
