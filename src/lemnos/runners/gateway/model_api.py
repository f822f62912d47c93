"""What of a provider's API a run may use, and with which credential."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec

from lemnos.domains.agents.ports import ModelAccess
from lemnos.runners.gateway.meter import Refused

# What a model's key may be used for: more than this could spend money that nobody counts
# (batches, fine-tuning, background work), or tell of the operator's account.
_METERED = {
    "anthropic": frozenset({"/v1/messages"}),
    "openai": frozenset({"/responses", "/responses/compact", "/chat/completions"}),
}
_FREE = {
    "anthropic": re.compile(r"POST /v1/messages/count_tokens|GET /v1/models(/[\w.:-]+)?"),
    "openai": re.compile(r"GET /models(/[\w.:-]+)?"),
}


def is_metered(access: ModelAccess, method: str, path: str) -> bool:
    """Whether a request is a metered model call, or a free one; Refused when it is neither."""
    bare = path.partition("?")[0]
    if method == "POST" and bare in _METERED[access.provider]:
        return True
    if _FREE[access.provider].fullmatch(f"{method} {bare}"):
        return False
    raise Refused(403, "not_served", f"The gateway does not serve {method} {bare}.")


class _Asked(msgspec.Struct):
    model: str = ""
    stream: bool | None = None
    background: bool | None = None


class _Thinking(msgspec.Struct):
    budget_tokens: int | None = None


class _Limits(msgspec.Struct):
    max_tokens: int | None = None
    max_output_tokens: int | None = None
    max_completion_tokens: int | None = None
    thinking: _Thinking | None = None


class _Options(msgspec.Struct):
    stream_options: dict[str, Any] | None = None


# By what limit the answer is named in requests that go without one; Anthropic's never do.
_USUAL_LIMIT = {"/chat/completions": "max_completion_tokens", "/responses": "max_output_tokens"}
# Every model in use can answer with so many tokens. To ask one for more than it can is an error,
# so a higher limit is not put into a request that has none.
_ANY_MODEL_CAN = 16_384
_LEAST_THINKING = 1_024  # Anthropic takes no less, and it has to be less than max_tokens

_T = TypeVar("_T")


def prepare(path: str, body: bytes, max_tokens: int | None = None) -> tuple[str, bytes]:
    """The model that is asked for, and the body as the provider gets it.

    In it usage figures are asked for in any dialect, and an answer of ``max_tokens`` at most.
    Raises Refused when the body is no model request.
    """
    api, asked = path.partition("?")[0], _decoded(body, _Asked)
    if asked.background:
        raise Refused(400, "not_served", "Background responses can't be metered.")
    changes: dict[str, object] = {}
    if asked.stream and api == "/chat/completions":
        options = _decoded(body, _Options).stream_options or {}
        changes["stream_options"] = {**options, "include_usage": True}
    if max_tokens is not None:
        changes |= _lowered(_decoded(body, _Limits), api, max_tokens)
    if not changes:
        return asked.model, body
    # Everything else stays as it came, byte for byte.
    return asked.model, msgspec.json.encode(_decoded(body, dict[str, msgspec.Raw]) | changes)


def _lowered(asked: _Limits, api: str, most: int) -> dict[str, object]:
    """The fields that have to change for an answer of so many tokens at most."""
    said = {
        "max_tokens": asked.max_tokens,
        "max_output_tokens": asked.max_output_tokens,
        "max_completion_tokens": asked.max_completion_tokens,
    }
    if not any(said.values()):
        usual = _USUAL_LIMIT.get(api)
        return {usual: most} if usual and most <= _ANY_MODEL_CAN else {}
    changes: dict[str, object] = {
        name: most for name, limit in said.items() if limit is not None and limit > most
    }
    thinking = asked.thinking.budget_tokens if asked.thinking else None
    if changes and thinking is not None and thinking >= most:
        changes["thinking"] = (
            {"type": "enabled", "budget_tokens": most - 1}
            if most > _LEAST_THINKING
            else {"type": "disabled"}
        )
    return changes


def _decoded(body: bytes, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise Refused(400, "invalid_request_error", f"This is no model request: {error}") from error


def credential(access: ModelAccess) -> dict[str, str]:
    """The headers that carry the provider's key."""
    if access.provider == "anthropic":
        return {"x-api-key": access.api_key}
    return {"authorization": f"Bearer {access.api_key}"} if access.api_key else {}
