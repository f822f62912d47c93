"""The registry of agents and the router, put together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from lemnos.adapters.net import GuardedTransport
from lemnos.domains.agents.access import AgentAccess
from lemnos.domains.agents.model import Strategy
from lemnos.domains.agents.pools import Pools
from lemnos.domains.agents.ports import Runtimes
from lemnos.domains.agents.prober import SWEEP_EVERY, Prober
from lemnos.domains.agents.router import Router
from lemnos.domains.agents.service import AgentService
from lemnos.domains.agents.store import AgentStore, AttemptStore, MeasureStore
from lemnos.foundation import Platform
from lemnos.main.host import guard_of_models, price_table
from lemnos.main.runners import model_accesses
from lemnos.runners.gateway import PriceTable
from lemnos.runners.gateway.probe import HttpModelProbe
from lemnos.settings import Settings

_HOURLY = 3600.0
# [ours] One price for a model's tokens, where input and output differ: agents read far more than
# they write.
_INPUT_SHARE = 0.75


@dataclass(frozen=True, slots=True)
class Agents:
    """What the domain offers, its periodic work, and what to call at the server's end."""

    service: AgentService
    router: Router
    upkeep: tuple[tuple[float, Callable[[], Awaitable[object]]], ...]
    closing: tuple[Callable[[], Awaitable[None]], ...]


def make_agents(settings: Settings, platform: Platform, runtimes: Runtimes) -> Agents:
    """Registry, router and probes. A node that runs no agents does not probe them either."""
    db = platform.db
    agents, attempts, measures = AgentStore(db), AttemptStore(db), MeasureStore(db)
    access = AgentAccess(runtimes, platform.vault)
    pools = Pools(agents, attempts, measures, access, _price_of(price_table(settings)))
    model = HttpModelProbe(
        GuardedTransport(guard_of_models(settings)), GuardedTransport(platform.guard)
    )
    prober = Prober(
        db, agents, measures, runtimes, access, model, model_accesses(settings), pools.changed
    )
    service = AgentService(
        agents,
        attempts,
        measures,
        access,
        pools,
        prober if settings.max_agents else None,
        lambda url, field: platform.guard.check_url(url, field=field),
    )
    router = Router(db, agents, attempts, pools, access, Strategy(settings.routing))
    probing = ((SWEEP_EVERY, prober.sweep),) if settings.max_agents else ()
    upkeep = (*probing, (_HOURLY, prober.prune), (_HOURLY, router.sweep))
    return Agents(service, router, upkeep, (prober.close, model.close))


def _price_of(prices: PriceTable) -> Callable[[str], float | None]:
    def price_of(model: str) -> float | None:
        price = prices.get(model)
        if price is None:
            return None
        return (_INPUT_SHARE * price.input + (1 - _INPUT_SHARE) * price.output) / 1000

    return price_of
