"""Where the server is, who asks, and how patient to be: arguments first, then the environment."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lemnos_sdk._version import __version__

DEFAULT_URL = "http://127.0.0.1:8000"
DEFAULT_TIMEOUT = 60.0  # seconds without an answer
DEFAULT_RETRIES = 3
LONGEST_RETRY_AFTER = 60.0  # seconds; a server that asks for more is not waited for


@dataclass(frozen=True, slots=True)
class Settings:
    """How to reach a server. ``base_url`` is its root; times are in seconds."""

    base_url: str
    api_key: str = field(default="", repr=False)
    timeout: float = DEFAULT_TIMEOUT
    max_retries: int = DEFAULT_RETRIES
    max_retry_after: float = LONGEST_RETRY_AFTER

    @property
    def headers(self) -> Mapping[str, str]:
        """What every request carries."""
        headers = {"User-Agent": f"lemnos-sdk-python/{__version__}", "Accept": "application/json"}
        if self.api_key:
            headers["Authorization"] = f"Bearer {self.api_key}"
        return headers


def settings_of(
    product: str,
    prefix: str,
    *,
    base_url: str | None,
    api_key: str | None,
    timeout: float,
    max_retries: int,
) -> Settings:
    """Settings from what was given, else from ``<PRODUCT>_…`` and then ``LEMNOS_…`` variables.

    A base URL may end with the API's ``prefix``, as the API references write it.
    """
    url = base_url or _environment(f"{product}_BASE_URL", "LEMNOS_URL") or DEFAULT_URL
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"The base URL must begin with http:// or https://, not {url!r}.")
    root = url.rstrip("/").removesuffix(prefix).rstrip("/")
    key = api_key or _environment(f"{product}_API_KEY", "LEMNOS_API_KEY")
    return Settings(root, key, timeout, max_retries)


def _environment(*names: str) -> str:
    return _first(os.environ.get(name, "").strip() for name in names)


def _first(values: Iterable[str]) -> str:
    return next(filter(None, values), "")
