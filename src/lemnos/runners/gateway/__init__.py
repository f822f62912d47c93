"""The model gateway: real credentials, metering and egress, outside of the sandbox."""

from __future__ import annotations

from lemnos.runners.gateway.gateway import ModelGateway, Policy, RunGateway
from lemnos.runners.gateway.meter import Notice
from lemnos.runners.gateway.prices import Price, PriceTable, Tokens

__all__ = ["ModelGateway", "Notice", "Policy", "Price", "PriceTable", "RunGateway", "Tokens"]
