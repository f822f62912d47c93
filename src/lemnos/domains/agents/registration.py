"""What an agent may be registered as, and how a patch changes one. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar

import msgspec

from lemnos.domains.agents.model import (
    AGENT_ID,
    Agent,
    AgentConfig,
    AgentPatch,
    Constraints,
    RetryPolicy,
)
from lemnos.kernel.errors import Invalid

CAPABILITY = re.compile(r"[a-z][a-z0-9_]{0,63}")
PROVIDER = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
# A model's name is given to programs: it is no option of theirs.
MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@\[\]+-]{0,199}")
API_KEY = re.compile(r"[\x21-\x7e]{1,4096}")
_LONGEST_NAME, _MOST_CAPABILITIES, _LONGEST_EXTRA = 200, 100, 16_384

# Field → least and greatest value.
_RANGES: Mapping[str, tuple[float, float]] = {
    "constraints.max_tokens": (1, 100_000_000),
    "constraints.max_concurrent_tasks": (1, 1000),
    "constraints.rate_limit_per_minute": (1, 1_000_000),
    "constraints.cost_per_1k_tokens": (0, 1000),
    "config.base_weight": (0.001, 1000),
    "config.retry_policy.max_retries": (0, 10),
    "config.retry_policy.backoff_multiplier": (1, 10),
}
_AT = re.compile(r" - at `\$(?P<path>[^`]*)`$")
_CONFIG = frozenset(one.name for one in fields(AgentConfig)) - {"extra"}
_POLICY = frozenset(one.name for one in fields(RetryPolicy))

T = TypeVar("T")


def problems(agent: Agent, api_key: str) -> dict[str, str]:
    """Field → what is wrong with it; empty for an agent that may be registered.

    Whether there is a runtime for it, and whether its address may be reached, is asked elsewhere.
    """
    found = _numbers(agent.constraints, agent.config)
    if not AGENT_ID.fullmatch(agent.agent_id):
        found["agent_id"] = f"must match ^{AGENT_ID.pattern}$"
    if not agent.name.strip() or len(agent.name) > _LONGEST_NAME or not agent.name.isprintable():
        found["name"] = f"must have from 1 to {_LONGEST_NAME} printable characters"
    if not PROVIDER.fullmatch(agent.provider):
        found["provider"] = f"must match ^{PROVIDER.pattern}$"
    if agent.model and not MODEL.fullmatch(agent.model):
        found["model"] = f"must match ^{MODEL.pattern}$"
    if api_key and not API_KEY.fullmatch(api_key):
        found["config.api_key"] = "must be printable ASCII without blanks, at most 4,096 characters"
    if len(msgspec.json.encode(agent.config.extra)) > _LONGEST_EXTRA:
        found["config"] = f"must have at most {_LONGEST_EXTRA} characters of other fields"
    return found | _capabilities(agent.capabilities)


def _capabilities(capabilities: tuple[str, ...]) -> dict[str, str]:
    if len(capabilities) > _MOST_CAPABILITIES:
        return {"capabilities": f"must be at most {_MOST_CAPABILITIES}"}
    return {
        f"capabilities[{place}]": f"must match ^{CAPABILITY.pattern}$"
        for place, name in enumerate(capabilities)
        if not CAPABILITY.fullmatch(name)
    }


def _numbers(constraints: Constraints, config: AgentConfig) -> dict[str, str]:
    values = {
        **{
            f"constraints.{one.name}": getattr(constraints, one.name) for one in fields(Constraints)
        },
        "config.base_weight": config.base_weight,
        "config.retry_policy.max_retries": config.retry_policy.max_retries,
        "config.retry_policy.backoff_multiplier": config.retry_policy.backoff_multiplier,
    }
    return {
        field: f"must be from {least:g} to {greatest:,.0f}"
        for field, (least, greatest) in _RANGES.items()
        if (value := values[field]) is not None
        and not (math.isfinite(value) and least <= value <= greatest)
    }


def constraints_of(given: Mapping[str, Any], base: Constraints | None = None) -> Constraints:
    """Constraints from a JSON object, merged into others; a null goes back to the default.

    Raises ``Invalid`` for a field that is not known, or of another type.
    """
    known = {one.name for one in fields(Constraints)}
    if unknown := sorted(set(given) - known):
        raise _invalid(f"constraints.{unknown[0]}", "is not known")
    return _converted(_merged(_plain(base or Constraints()), given), Constraints, "constraints")


def config_of(
    given: Mapping[str, Any], base: AgentConfig | None = None
) -> tuple[AgentConfig, str | None]:
    """A configuration from a JSON object, merged deep, and the API key in it, if there is one.

    Fields that Lemnos does not know are kept as ``extra``. Raises ``Invalid`` for a wrong type.
    """
    base = base or AgentConfig()
    rest = dict(given)
    api_key = rest.pop("api_key", None)
    if api_key is not None and not isinstance(api_key, str):
        raise _invalid("config.api_key", "must be a string")
    mine = {name: rest.pop(name) for name in _CONFIG & rest.keys()}
    policy = mine.get("retry_policy")
    if isinstance(policy, Mapping) and (unknown := sorted(policy.keys() - _POLICY)):
        raise _invalid(f"config.retry_policy.{unknown[0]}", "is not known")
    plain = _plain(base)
    plain["extra"] = _merged(plain["extra"], rest)
    key = "" if "api_key" in given and api_key is None else api_key
    return _converted(_merged(plain, mine), AgentConfig, "config"), key


def patched(agent: Agent, patch: AgentPatch) -> tuple[Agent, str | None]:
    """The agent as the patch makes it, unchecked, and the API key to seal: None keeps what is."""
    values: dict[str, Any] = {
        name: value
        for name in ("name", "provider", "model", "capabilities", "status")
        if (value := getattr(patch, name)) is not None
    }
    api_key = patch.api_key
    if patch.constraints is not None:
        values["constraints"] = constraints_of(patch.constraints, agent.constraints)
    if patch.config is not None:
        values["config"], inside = config_of(patch.config, agent.config)
        api_key = inside if api_key is None else api_key
    if "capabilities" in values:
        values["capabilities"] = tuple(dict.fromkeys(values["capabilities"]))
    return replace(agent, **values), api_key


def _plain(record: object) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(record)
    return plain


def _merged(base: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Deep; a null takes the field out, so that its default is in force again."""
    made = dict(base)
    for name, value in given.items():
        if value is None:
            made.pop(name, None)
        elif isinstance(value, Mapping) and isinstance(made.get(name), Mapping):
            made[name] = _merged(made[name], value)
        else:
            made[name] = value
    return made


def _converted(plain: dict[str, Any], kind: type[T], field: str) -> T:
    try:
        return msgspec.convert(plain, kind)
    except msgspec.ValidationError as error:
        said = str(error)
        at = _AT.search(said)
        problem = said[: at.start()] if at else said
        raise _invalid(field + (at["path"] if at else ""), problem) from error


def _invalid(field: str, problem: str) -> Invalid:
    return Invalid(f"{field}: {problem}.", fields={field: problem})
