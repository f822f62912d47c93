"""The network guard: which hosts and paths a caller's URL may reach, checked when connecting."""

from lemnos.adapters.net.guard import Endpoint, NetGuard, Repository
from lemnos.adapters.net.transport import GuardedTransport

__all__ = ["Endpoint", "GuardedTransport", "NetGuard", "Repository"]
