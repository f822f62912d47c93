"""Which IP addresses are on the public internet, and which hosts an operator has allowed."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

# Ranges that `is_global` lets through although no caller has business there.
_NEVER_PUBLIC: tuple[Network, ...] = tuple(
    ipaddress.ip_network(net)
    for net in (
        "168.63.129.16/32",  # Azure's host agent, a metadata service on a public address
        "192.88.99.0/24",  # 6to4 relays, RFC 7526
        "::/96",  # IPv4-compatible addresses, RFC 4291 section 2.5.5.1
        "64:ff9b:1::/48",  # NAT64 inside a site, RFC 8215
        "2001::/32",  # Teredo, RFC 4380
        "2002::/16",  # 6to4, RFC 3056
        "fec0::/10",  # site-local addresses, RFC 3879
    )
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052, section 2.1

_HOST_AND_PORT = re.compile(
    r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<host>[a-z0-9_.-]+))(?::(?P<port>\d+))?"
)


def literal(host: str) -> Address | None:
    """The address that a host is, in any notation that a resolver takes, or None for a name.

    Besides the usual forms these are the ones of ``inet_aton``: ``2130706433``, ``0x7f.1`` and
    ``0177.0.0.1`` are all 127.0.0.1. ``host`` comes without brackets.
    """
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        pass
    if not host[:1].isdigit():
        return None
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


def is_public(address: Address) -> bool:
    """Whether the address, and any IPv4 address embedded in it, is a public unicast address."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = _embedded(address)
        if inner is not None:
            return is_public(inner)
        if address.is_site_local:
            return False
    if address.is_multicast or address.is_reserved or not address.is_global:
        return False
    return not any(address in net for net in _NEVER_PUBLIC if net.version == address.version)


def _embedded(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that packets to this address reach: IPv4-mapped, or through NAT64."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


@dataclass(frozen=True, slots=True)
class _Rule:
    """One entry of the list: a name or a network, on one port or on all."""

    name: str
    network: Network | None
    port: int | None


class AllowedHosts:
    """The private hosts that an operator lets callers name.

    Entries are ``host``, ``host:port``, an address or a network in CIDR notation; IPv6 addresses
    with a port stand in brackets. Raises ``ValueError`` for an entry that is none of these.
    """

    def __init__(self, entries: Iterable[str] = ()) -> None:
        self._rules = tuple(_parse(entries))

    def name(self, host: str, port: int) -> bool:
        """Whether the host is allowed as it was named."""
        return any(r.name == host and r.port in (None, port) for r in self._rules)

    def address(self, address: Address, port: int) -> bool:
        """Whether the address is allowed by itself, whatever name led to it."""
        mapped = _embedded(address) if isinstance(address, ipaddress.IPv6Address) else None
        target = mapped or address
        return any(
            r.network is not None
            and r.network.version == target.version
            and target in r.network
            and r.port in (None, port)
            for r in self._rules
        )


def _parse(entries: Iterable[str]) -> Iterator[_Rule]:
    for entry in (e.strip().lower() for e in entries):
        if not entry:
            continue
        try:
            yield _Rule("", ipaddress.ip_network(entry, strict=False), None)
        except ValueError:
            yield _host_rule(entry)


def _host_rule(entry: str) -> _Rule:
    match = _HOST_AND_PORT.fullmatch(entry)
    if match is None:
        raise ValueError(f"{entry!r} is not a host, host:port, address or network")
    host = (match["v6"] or match["host"]).rstrip(".")
    port = int(match["port"]) if match["port"] else None
    address = literal(host)
    if address is not None:
        return _Rule("", ipaddress.ip_network(address), port)
    return _Rule(host, None, port)
