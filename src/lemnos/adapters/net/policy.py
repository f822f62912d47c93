"""Which addresses callers may name, as the tasks domain asks for it."""

from __future__ import annotations

from lemnos.adapters.net.guard import NetGuard


class GuardPolicy:
    """Implements :class:`lemnos.domains.tasks.ports.AddressPolicy` on the network guard."""

    def __init__(self, guard: NetGuard) -> None:
        self._guard = guard

    def check_repository(self, url: str, *, field: str = "repo_url") -> None:
        """An http(s) URL of a public or allowed host, or a path under an allowed root."""
        self._guard.check_repository(url, field=field)

    def check_callback(self, url: str, *, field: str = "callback_url") -> None:
        """An http(s) URL of a public or allowed host."""
        self._guard.check_url(url, field=field)

    def check_mcp_server(self, url: str, *, field: str = "url") -> None:
        """An http(s) URL of a public or allowed host."""
        self._guard.check_url(url, field=field)

    def check_endpoint(self, url: str, *, field: str = "url") -> None:
        """An http(s) URL of a public or allowed host."""
        self._guard.check_url(url, field=field)
