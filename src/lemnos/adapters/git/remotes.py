"""Talking to remotes: addresses pinned, redirects checked, the token in one environment only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin

import httpx2

from lemnos.adapters.git.command import GitCommands
from lemnos.adapters.git.config import RECEIVE_PACK, UPLOAD_PACK, Settings
from lemnos.adapters.git.errors import git_error
from lemnos.adapters.git.process import Output
from lemnos.adapters.net import Endpoint, GuardedTransport, NetGuard
from lemnos.domains.workspaces.ports import Remote
from lemnos.kernel.errors import Invalid, Unavailable

# Answers for its one origin only, so that no redirect can carry the token elsewhere. Being a
# shell function, it has no file of its own; the secret stands in the environment, not here.
_HELPER = (
    '!f() { test "$1" = get || return 0;'
    ' printf \'username=%s\\npassword=%s\\n\' "$LEMNOS_GIT_USERNAME" "$LEMNOS_GIT_TOKEN"; }; f'
)
_REDIRECTED = re.compile(r"returned error: 30[12378]|unable to update url base from redirection")
_SERVICE = "/info/refs?service=git-upload-pack"
_PINNING_SINCE = (2, 37)  # the first git that has http.curloptResolve
_MAX_REDIRECTS = 5
_PROBE_TIMEOUT = 30.0  # seconds


@dataclass(frozen=True, slots=True)
class Access:
    """A checked remote: what git is told on its command line, by settings and by environment."""

    url: str
    settings: Settings
    endpoint: Endpoint | None
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be seen in errors."""
        token = self.environment.get("LEMNOS_GIT_TOKEN", "")
        return (token,) if token else ()

    @property
    def serving(self) -> tuple[str, ...]:
        """Options of commands that read from the remote."""
        return () if self.endpoint else (UPLOAD_PACK,)

    @property
    def receiving(self) -> tuple[str, ...]:
        """Options of commands that write to the remote."""
        return () if self.endpoint else (RECEIVE_PACK,)


@dataclass(frozen=True, slots=True)
class RemoteRefs:
    """The remote's branches by name, and the one that its HEAD names ("" if none)."""

    heads: Mapping[str, str]
    default: str


class Remotes:
    """Opens remotes through the guard, and asks them for their refs."""

    def __init__(self, git: GitCommands, guard: NetGuard, cwd: Path) -> None:
        self._git = git
        self._guard = guard
        self._cwd = cwd

    async def open(self, remote: Remote) -> tuple[Access, RemoteRefs]:
        """Check the remote and list its refs, following redirects that the guard allows.

        Raises ``Invalid`` for addresses that are refused, and what git says of the rest. The
        access that comes back names the place where the redirects ended.
        """
        access = await self._access(remote)
        output = await self._list(access)
        if output.code != 0 and access.endpoint and _REDIRECTED.search(output.stderr):
            access = await self._follow(access, remote)
            output = await self._list(access)
        if output.code != 0:
            raise git_error(output.stderr, access.secrets)
        return access, _parse_refs(output.stdout)

    async def _list(self, access: Access) -> Output:
        return await self._git.network(
            *("ls-remote", "--symref", *access.serving, access.url, "HEAD", "refs/heads/*"),
            cwd=self._cwd,
            settings=access.settings,
            extra=access.environment,
        )

    async def _access(self, remote: Remote) -> Access:
        checked = self._guard.check_repository(remote.url)
        if checked.path is not None:
            self._check_local(checked.path)
            return Access(checked.url, (("protocol.file.allow", "always"),), None)
        await self._git.require_version(_PINNING_SINCE)
        assert checked.endpoint is not None  # it is either a path or an endpoint
        return await self._http_access(checked.endpoint, _credential(remote))

    def _check_local(self, path: Path) -> None:
        """Mirrors hold what other tenants' tokens have fetched; a ``.git`` file leads away."""
        if path.is_relative_to(self._cwd):
            text = "This path is not a repository that may be named."
            raise Invalid(text, code="address_refused", fields={"repo_url": text})
        link = path / ".git"
        if link.is_file():
            target = link.read_text(errors="surrogateescape").partition("gitdir:")[2].strip()
            self._guard.check_repository(str(path / target))

    async def _http_access(self, endpoint: Endpoint, credential: Mapping[str, str]) -> Access:
        """Pin the addresses that were checked: curl makes no lookup of its own."""
        addresses = await self._guard.resolve(endpoint.host, endpoint.port, field="repo_url")
        pinned = ",".join(f"[{a}]" if ":" in a else a for a in addresses)
        settings: list[tuple[str, str]] = [(f"protocol.{endpoint.scheme}.allow", "always")]
        if ":" not in endpoint.host:
            settings.append(("http.curloptResolve", f"{endpoint.host}:{endpoint.port}:{pinned}"))
        if credential:
            settings.append((f"credential.{endpoint.origin}.helper", _HELPER))
        return Access(endpoint.url, settings, endpoint, credential)

    async def _follow(self, access: Access, remote: Remote) -> Access:
        """Walk the redirects ourselves, each one checked; git itself follows none."""
        current = access
        async with httpx2.AsyncClient(
            transport=GuardedTransport(self._guard), timeout=_PROBE_TIMEOUT, trust_env=False
        ) as client:
            for _ in range(_MAX_REDIRECTS):
                target = await _redirect_of(client, current)
                if not target:
                    return current
                endpoint = self._guard.check_url(target, field="repo_url")
                trusted = _may_see_token(current.endpoint, endpoint)
                current = await self._http_access(endpoint, current.environment if trusted else {})
        text = "The repository's address redirects too often."
        raise Invalid(text, code="too_many_redirects", fields={"repo_url": text})


def _credential(remote: Remote) -> dict[str, str]:
    """The helper's variables. Line breaks would end a field of git's credential protocol."""
    if not remote.token:
        return {}
    if not (remote.token + remote.username).isprintable():
        text = "The access token holds a character that no token has."
        raise Invalid(text, code="bad_token", fields={"access_token": text})
    return {"LEMNOS_GIT_USERNAME": remote.username, "LEMNOS_GIT_TOKEN": remote.token}


def _may_see_token(before: Endpoint | None, after: Endpoint) -> bool:
    """The same origin, or the same host reached by TLS instead of in clear."""
    if before is None or before.host != after.host:
        return False
    return before.origin == after.origin or (before.scheme, after.scheme) == ("http", "https")


async def _redirect_of(client: httpx2.AsyncClient, access: Access) -> str:
    """The repository address that this one redirects to, or "" where the chain ends."""
    auth = None
    if access.environment:
        auth = httpx2.BasicAuth(
            access.environment["LEMNOS_GIT_USERNAME"], access.environment["LEMNOS_GIT_TOKEN"]
        )
    url = access.url.rstrip("/") + _SERVICE
    try:
        async with client.stream("GET", url, auth=auth, follow_redirects=False) as response:
            location = response.headers.get("Location", "")
            if not (response.is_redirect and location):
                return ""
    except httpx2.HTTPError as error:
        raise Unavailable("The git host can't be reached.", code="git_unavailable") from error
    target = urljoin(url, location)
    if not target.endswith(_SERVICE):
        # git does the same: a redirect that is not of the whole repository can't be followed.
        text = "The repository's address redirects to something that is no repository."
        raise Invalid(text, code="bad_redirect", fields={"repo_url": text})
    return target.removesuffix(_SERVICE)


def _parse_refs(listing: bytes) -> RemoteRefs:
    """Read the lines of ``git ls-remote --symref``."""
    heads: dict[str, str] = {}
    default, detached = "", ""
    for line in listing.decode(errors="surrogateescape").splitlines():
        value, _, name = line.partition("\t")
        if name == "HEAD" and value.startswith("ref: refs/heads/"):
            default = value.removeprefix("ref: refs/heads/")
        elif name == "HEAD":
            detached = value
        elif name.startswith("refs/heads/"):
            heads[name.removeprefix("refs/heads/")] = value
    if default not in heads:  # a detached HEAD, or one that names an unborn branch
        default = next((n for n, commit in heads.items() if commit == detached), "")
    return RemoteRefs(heads, default)
