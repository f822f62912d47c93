"""What of a provider's API a run may use, and with which credential."""

from __future__ import annotations

import re

import msgspec

from lemnos.domains.agents.ports import ModelAccess
from lemnos.runners.gateway.http import Request
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


def prepare(request: Request) -> tuple[str, bytes]:
    """The model that is asked for, and the body with usage figures asked for in any dialect."""
    try:
        asked = msgspec.json.decode(request.body, type=_Asked)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise Refused(400, "invalid_request_error", f"This is no model request: {error}") from error
    if asked.background:
        raise Refused(400, "not_served", "Background responses can't be metered.")
    body = request.body
    if asked.stream and request.target.partition("?")[0].endswith("/chat/completions"):
        document = msgspec.json.decode(body)
        options = document.get("stream_options")
        kept = options if isinstance(options, dict) else {}
        document["stream_options"] = {**kept, "include_usage": True}
        body = msgspec.json.encode(document)
    return asked.model, body


def credential(access: ModelAccess) -> dict[str, str]:
    """The headers that carry the provider's key."""
    if access.provider == "anthropic":
        return {"x-api-key": access.api_key}
    return {"authorization": f"Bearer {access.api_key}"} if access.api_key else {}
