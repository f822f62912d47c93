"""Orders as they are asked for: checked, and made into tasks. Nothing is stored here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec

from lemnos.domains.agents.model import Decision
from lemnos.domains.agents.router import Router
from lemnos.domains.integrations.service import KeyService
from lemnos.domains.tasks.gating import problems as problems_of_gates
from lemnos.domains.tasks.model import MAX_PROMPT, Status, Task, TaskConfig
from lemnos.domains.tasks.ports import AddressPolicy
from lemnos.domains.tasks.routing import course as courses
from lemnos.domains.tasks.routing.course import Course
from lemnos.domains.tasks.routing.model import Order
from lemnos.domains.tasks.routing.parking import ask_of
from lemnos.kernel import clock, ids
from lemnos.kernel.context import Context
from lemnos.kernel.errors import Invalid

_MOST_TRIES = 10  # agents of a fan-out
_MOST_NAMES = 50  # capabilities, providers, or agents that an order lists
_MOST_ABOUT = 64 * 1024  # bytes of context, metadata or operation
_MOST_USD, _MOST_TOKENS = 1_000_000.0, 100_000_000
_PICKS = ("gates",)


class Drafter:
    """Checks orders against what this server, and the tenant's agents, can do."""

    def __init__(
        self, router: Router, keys: KeyService, policy: AddressPolicy, max_timeout: int
    ) -> None:
        self._router = router
        self._keys = keys
        self._policy = policy
        self._max_timeout = max_timeout

    async def draft(self, ctx: Context, order: Order) -> Task:
        """The task. Raises ``Invalid`` with the fields that are wrong, or what no agent has."""
        if found := self._problems(order):
            raise Invalid(_sentence(found), fields=found)
        if order.repo_url:
            self._policy.check_repository(order.repo_url)
        if order.provider_key:
            await self._keys.check(ctx.tenant, order.provider_key, order.repo_url)
        task = _task(ctx, order)
        if task.routed:
            for one in _pinned(order):
                await self._demand_somebody(task, one)
        return task

    def _problems(self, order: Order) -> dict[str, str]:
        found: dict[str, str] = {}
        if not order.description.strip():
            found["description"] = "is required"
        elif len(order.description) > MAX_PROMPT:
            found["description"] = f"may have at most {MAX_PROMPT} characters"
        if not 1 <= order.timeout_seconds <= self._max_timeout:
            found["timeout_seconds"] = f"must be from 1 to {self._max_timeout}"
        if order.max_tokens is not None and not 1 <= order.max_tokens <= _MOST_TOKENS:
            found["max_tokens"] = f"must be from 1 to {_MOST_TOKENS}"
        if order.max_cost_usd is not None and not 0 < order.max_cost_usd <= _MOST_USD:
            found["max_cost_usd"] = f"must be over 0 and at most {_MOST_USD:g}"
        if order.gates is not None:
            found |= problems_of_gates(order.gates)
        return found | _problems_of_lists(order) | _problems_of_fan_out(order)

    async def _demand_somebody(self, task: Task, order: Order) -> None:
        """Who is busy or unwell will be waited for; who is not there, or cannot, will not."""
        ask = ask_of(task, order, Course())
        decision = await self._router.plan(task.tenant, ask)
        if not courses.worth_waiting_for(decision):
            raise _nobody(order, decision)


def _task(ctx: Context, order: Order) -> Task:
    config = TaskConfig(
        timeout_seconds=order.timeout_seconds,
        cli="builtin" if order.operation else "",
        target_branch=order.branch,
        max_budget_usd=order.max_cost_usd,
        operation=order.operation or None,
        gates=order.gates,
    )
    return Task(
        id=ids.new_uuid(),
        tenant=ctx.tenant,
        created_by=ctx.principal.subject,
        status=Status.PENDING,
        repo_url=order.repo_url,
        prompt=order.description,
        current_prompt=order.description,
        iteration=1,
        config=config,
        provider_key=order.provider_key,
        callback_url="",
        created_at=clock.now(),
        trace_id=ctx.trace_id or ids.new_trace_id(),
        type=order.type,
        priority=order.priority,
        routed=not order.operation,
        user_id=str(order.metadata.get("user_id") or ""),
        parent_id=order.parent_id,
    )


def tries_of(task: Task, order: Order) -> list[tuple[Task, Order]]:
    """The tasks of a fan-out, each for one agent alone."""
    return [
        (
            # A little apart, so that they are listed as they were asked for.
            replace(task, id=ids.new_uuid(), parent_id=task.id, created_at=task.created_at + n),
            replace(one, parent_id=task.id),
        )
        for n, one in enumerate(_pinned(order), 1)
    ]


def _pinned(order: Order) -> list[Order]:
    """What is asked of whom: the order itself, or each agent of its fan-out."""
    if order.fan_out is None:
        return [order]
    return [replace(order, agent_id=name, fan_out=None) for name in order.fan_out.agents]


def _problems_of_lists(order: Order) -> dict[str, str]:
    lists = {
        "required_capabilities": order.required_capabilities,
        "preferred_providers": order.preferred_providers,
        "excluded_agents": order.excluded_agents,
    }
    found = {name: problem for name, said in lists.items() if (problem := _of_names(said))}
    if order.agent_id and order.agent_id in order.excluded_agents:
        found["agent_id"] = "is excluded by excluded_agents"
    if len(str(order.metadata.get("user_id") or "")) > 200:
        found["metadata.user_id"] = "may have at most 200 characters"
    about = {"context": order.context, "metadata": order.metadata, "operation": order.operation}
    for name, said in about.items():
        if len(msgspec.json.encode(said)) > _MOST_ABOUT:
            found[name] = f"may take at most {_MOST_ABOUT} bytes"
    return found


def _of_names(said: Sequence[str]) -> str:
    if len(said) > _MOST_NAMES:
        return f"may list at most {_MOST_NAMES}"
    return "may hold no empty names" if not all(said) else ""


def _problems_of_fan_out(order: Order) -> dict[str, str]:
    if order.fan_out is None:
        return {}
    agents = order.fan_out.agents
    if order.operation or order.agent_id:
        return {"fan_out": "goes with neither an operation nor an agent_id"}
    if not 2 <= len(agents) <= _MOST_TRIES or len(set(agents)) < len(agents):
        return {"fan_out.agents": f"must name from 2 to {_MOST_TRIES} different agents"}
    if order.fan_out.pick not in _PICKS:
        return {"fan_out.pick": f"must be one of {', '.join(_PICKS)}"}
    return {}


def _sentence(found: dict[str, str]) -> str:
    return "; ".join(f"{name} {problem}" for name, problem in found.items()) + "."


def _nobody(order: Order, decision: Decision) -> Invalid:
    """Why no agent could ever do it: the field that is to blame, as far as one is."""
    message, codes = courses.nobody_left(decision), {one.code for one in decision.left_out}
    if order.agent_id:
        code = "unknown_agent" if codes == {"unknown_agent"} else "no_agent"
        return Invalid(message, code=code, fields={"agent_id": message})
    if codes == {"missing_capability"}:
        wanted = ", ".join(order.required_capabilities)
        problem = f"no agent has all of {wanted}"
        return Invalid(message, code="no_agent", fields={"required_capabilities": problem})
    return Invalid(message, code="no_agent", details={"left_out": sorted(codes)})
