"""Which forge a repository is on, and where that forge's API is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from lemnos.adapters.forges.gitea import Gitea
from lemnos.adapters.forges.github import GitHub
from lemnos.adapters.forges.gitlab import GitLab
from lemnos.adapters.forges.http import ForgeHttp
from lemnos.adapters.forges.plain import PlainRemote
from lemnos.adapters.net import Endpoint, NetGuard
from lemnos.domains.integrations.ports import Forge
from lemnos.kernel.errors import Invalid

_MAKERS: Mapping[str, Callable[[ForgeHttp, str], Forge]] = {
    "github": GitHub,
    "gitlab": GitLab,
    "gitea": Gitea,
}
_PATHS = {"github": "/api/v3", "gitlab": "/api/v4", "gitea": "/api/v1"}
_PUBLIC = {"github": "https://api.github.com", "gitlab": "https://gitlab.com/api/v4"}
_HOSTS = {
    "github.com": "github",
    "www.github.com": "github",
    "gitlab.com": "gitlab",
    "gitea.com": "gitea",
    "codeberg.org": "gitea",
}
# A self-hosted forge is often told by its name.
_PREFIXES = {"github.": "github", "gitlab.": "gitlab", "gitea.": "gitea", "forgejo.": "gitea"}


@dataclass(frozen=True, slots=True)
class ForgeHost:
    """What an operator says of a host: its kind and, if it is not the usual one, its API root."""

    provider: str
    api: str = ""


class ForgeRegistry:
    """Implements ``lemnos.domains.integrations.ports.Forges``.

    ``overrides`` maps a host, as ``host`` or ``host:port``, to what runs there.
    """

    def __init__(
        self, http: ForgeHttp, guard: NetGuard, overrides: Mapping[str, ForgeHost] | None = None
    ) -> None:
        self._http = http
        self._guard = guard
        self._overrides = dict(overrides or {})

    def of(self, repo_url: str, provider: str = "") -> Forge:
        """By the key's provider, else by what is known of the host, else the plain remote.

        Without an address the provider's public instance is meant. Raises ``Invalid`` for an
        address that the guard refuses, and where neither address nor public instance exists.
        """
        kind = "" if provider == "generic" else provider
        if not repo_url:
            return self._public(kind) if provider != "generic" else PlainRemote()
        endpoint = self._guard.check_repository(repo_url).endpoint
        if endpoint is None or provider == "generic":
            return PlainRemote()
        known = self._known(endpoint)
        kind = kind or known.provider
        make = _MAKERS.get(kind)
        if make is None:
            return PlainRemote()
        api = known.api if known.api and known.provider == kind else _api_of(endpoint, kind)
        return make(self._http, api.rstrip("/"))

    def host_of(self, repo_url: str) -> tuple[str, str]:
        """The host of a repository, and the provider that is known (not guessed) to run there."""
        endpoint = self._guard.check_repository(repo_url).endpoint
        if endpoint is None:
            return "", ""
        shown = urlsplit(endpoint.url).netloc
        said = self._overrides.get(f"{endpoint.host}:{endpoint.port}") or self._overrides.get(
            endpoint.host
        )
        return shown, said.provider if said else _HOSTS.get(endpoint.host, "")

    def _known(self, endpoint: Endpoint) -> ForgeHost:
        host = endpoint.host
        override = self._overrides.get(f"{host}:{endpoint.port}") or self._overrides.get(host)
        if override is not None:
            return override
        by_prefix = (kind for prefix, kind in _PREFIXES.items() if host.startswith(prefix))
        return ForgeHost(_HOSTS.get(host) or next(by_prefix, ""))

    def _public(self, provider: str) -> Forge:
        api = _PUBLIC.get(provider)
        if api is None:
            text = f"A repository's address is needed to find the {provider or 'git'} host."
            raise Invalid(text, code="no_forge_host", fields={"repo_url": text})
        return _MAKERS[provider](self._http, api)


def _api_of(endpoint: Endpoint, provider: str) -> str:
    if _HOSTS.get(endpoint.host) == provider and provider in _PUBLIC:
        return _PUBLIC[provider]
    return endpoint.origin + _PATHS[provider]
