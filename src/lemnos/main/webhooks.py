"""Webhook endpoints, put together."""

from __future__ import annotations

from lemnos.adapters.net.policy import GuardPolicy
from lemnos.foundation import Platform
from lemnos.platform.webhooks.endpoint_store import EndpointStore
from lemnos.platform.webhooks.endpoints import EndpointService


def make_endpoints(platform: Platform) -> EndpointService:
    """Endpoints may be wherever the operator lets callbacks go."""
    policy = GuardPolicy(platform.guard)
    store = EndpointStore(platform.db)
    return EndpointService(store, platform.announcer, platform.vault, policy.check_endpoint)
