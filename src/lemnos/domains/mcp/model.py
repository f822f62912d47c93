"""MCP servers that agents may use."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lemnos.domains.agents.ports import McpServer
from lemnos.kernel.redact import MASK

NAME = re.compile(r"^[A-Za-z0-9_-]+$")


@dataclass(frozen=True, slots=True)
class McpDefinition:
    """A server as its owner describes it: an npm ``package`` or ``command`` over stdio, or a URL.

    The values of ``env`` and ``headers`` are secrets.
    """

    name: str
    package: str = ""
    command: str = ""
    url: str = ""
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def redacted(self) -> McpDefinition:
        """The same without its secrets, to be shown."""
        return McpDefinition(
            self.name,
            self.package,
            self.command,
            self.url,
            self.args,
            dict.fromkeys(self.env, MASK),
            dict.fromkeys(self.headers, MASK),
        )

    def secrets(self) -> tuple[str, ...]:
        """What must not be seen in any output."""
        return (*self.env.values(), *self.headers.values())

    def server(self) -> McpServer:
        """As a runtime takes it; a package is run by npx, as its users expect."""
        if self.url:
            return McpServer(self.name, url=self.url, headers=self.headers)
        command = (self.command,) if self.command else ("npx", "-y", self.package)
        return McpServer(self.name, command=(*command, *self.args), env=self.env)


def problems(definition: McpDefinition) -> dict[str, str]:
    """Field → what is wrong with it; empty for a definition that can work."""
    found: dict[str, str] = {}
    if not NAME.fullmatch(definition.name):
        found["name"] = "must match ^[A-Za-z0-9_-]+$"
    given = [bool(definition.package), bool(definition.command), bool(definition.url)]
    if sum(given) != 1:
        found["package"] = "give exactly one of package, command or url"
    if definition.url and not definition.url.startswith(("http://", "https://")):
        found["url"] = "must be an http or https URL"
    if definition.url and (definition.args or definition.env):
        found["args"] = "args and env are for servers over stdio"
    if definition.headers and not definition.url:
        found["headers"] = "headers are for servers with a url"
    return found


def merged(
    everywhere: Iterable[McpDefinition], own: Iterable[McpDefinition]
) -> tuple[McpDefinition, ...]:
    """The servers of a task: the tenant's, those of the task overriding them by name."""
    by_name = {definition.name: definition for definition in everywhere}
    by_name |= {definition.name: definition for definition in own}
    return tuple(by_name.values())
