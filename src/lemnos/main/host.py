"""The host of agents: the sandbox, and the one way out of it."""

from __future__ import annotations

from urllib.parse import urlsplit

from lemnos.adapters.net import GuardedTransport, NetGuard
from lemnos.kernel.errors import LemnosError
from lemnos.main.ground import Ground
from lemnos.runners.gateway import ModelGateway, Price, PriceTable
from lemnos.runners.runtimes.host import Host
from lemnos.settings import Settings


def make_host(ground: Ground, gateway: ModelGateway) -> Host:
    """What runs agents and the checks of what they changed: the sandbox and the tools in it."""
    return Host(ground.sandbox, gateway, ground.read_only, ground.path)


def make_gateway(settings: Settings, guard: NetGuard) -> ModelGateway:
    """The one way out of a sandbox, with the prices that the operator gave."""

    async def resolve(host: str, port: int) -> tuple[str, ...]:
        try:
            return await guard.resolve(host, port)
        except LemnosError as error:
            raise PermissionError(error.message) from error

    return ModelGateway(
        price_table(settings),
        transport=GuardedTransport(guard_of_models(settings)),
        outside=GuardedTransport(guard),
        resolve=resolve,
    )


def price_table(settings: Settings) -> PriceTable:
    """What models cost: the operator's own prices before the known ones."""

    def price(said: tuple[float, float]) -> Price:
        return Price.openai(*said, cached=said[0])

    own = {model: price(said) for model, said in settings.prices.items() if model != "*"}
    default = price(settings.prices["*"]) if "*" in settings.prices else None
    return PriceTable(own, default)


def guard_of_models(settings: Settings) -> NetGuard:
    """Model endpoints are the operator's choice, so a private one is allowed by being named."""
    urls = (settings.anthropic_base_url, settings.openai_base_url)
    named = tuple(urlsplit(url).netloc for url in urls)
    return NetGuard((*settings.allowed_hosts, *named), ())
