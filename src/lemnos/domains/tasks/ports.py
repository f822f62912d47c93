"""What the tasks domain needs from outside."""

from __future__ import annotations

from typing import Protocol


class AddressPolicy(Protocol):
    """Which repositories and callbacks a caller may name.

    Each check raises ``Invalid`` with the field. Names are resolved when they are connected to,
    and checked again then.
    """

    def check_repository(self, url: str, *, field: str = "repo_url") -> None:
        """An http(s) URL of a public or allowed host, or a path under an allowed root."""
        ...

    def check_mcp_server(self, url: str, *, field: str = "url") -> None:
        """An http(s) URL of a public or allowed host."""
        ...

    def check_callback(self, url: str, *, field: str = "callback_url") -> None:
        """An http(s) URL of a public or allowed host."""
        ...
