"""The clients of ORCHEX."""

from __future__ import annotations

import httpx2

from lemnos_sdk._call import IO, Call, given, operation
from lemnos_sdk._client import AsyncClosing, Client, Closing
from lemnos_sdk._settings import DEFAULT_RETRIES, DEFAULT_TIMEOUT, settings_of
from lemnos_sdk._transport import Async, Sync
from lemnos_sdk.orchex._orchex import post
from lemnos_sdk.orchex.agents import Agents
from lemnos_sdk.orchex.analyses import Analyses
from lemnos_sdk.orchex.models import Decision
from lemnos_sdk.orchex.monitoring import MetricsResource, System
from lemnos_sdk.orchex.params import Context, Requirements, TaskConstraints
from lemnos_sdk.orchex.refactorings import Refactorings
from lemnos_sdk.orchex.tasks import Tasks
from lemnos_sdk.orchex.webhooks import Webhooks

_PRODUCT, _PREFIX = "ORCHEX", "/v1"


class _Client(Client[IO]):
    """What both clients offer."""

    def __init__(self, io: IO) -> None:
        super().__init__(io)
        self.agents = Agents(io)
        self.tasks = Tasks(io)
        self.analyses = Analyses(io)
        self.refactorings = Refactorings(io)
        self.metrics = MetricsResource(io)
        self.system = System(io)
        self.webhooks = Webhooks(io)

    @operation
    def route(
        self,
        *,
        type: str,
        description: str | None = None,
        context: Context | None = None,
        requirements: Requirements | None = None,
        constraints: TaskConstraints | None = None,
        agent_id: str | None = None,
        strategy: str | None = None,
    ) -> Call[Decision]:
        """Whom a task like this would go to now. Nothing is submitted."""
        asked = given(
            type=type,
            description=description,
            context=context,
            requirements=requirements,
            constraints=constraints,
            agent_id=agent_id,
            strategy=strategy,
        )
        return post("/v1/route", Decision, asked)


class ORCHEX(_Client[Sync], Closing):
    """ORCHEX, call by call.

    Where ``base_url`` and ``api_key`` are not given, they come from ``ORCHEX_BASE_URL`` and
    ``ORCHEX_API_KEY``, else from ``LEMNOS_URL`` and ``LEMNOS_API_KEY``. ``timeout`` is in
    seconds for one try, ``max_retries`` how many follow the first. ``http_client`` brings
    proxies, certificates and the like; whoever gives it closes it.
    """

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        max_retries: int = DEFAULT_RETRIES,
        http_client: httpx2.Client | None = None,
    ) -> None:
        settings = settings_of(
            _PRODUCT,
            _PREFIX,
            base_url=base_url,
            api_key=api_key,
            timeout=timeout,
            max_retries=max_retries,
        )
        super().__init__(Sync(settings, http_client))
        self.analyze = self.analyses.start
        self.refactor = self.refactorings.apply


class AsyncORCHEX(_Client[Async], AsyncClosing):
    """ORCHEX for asyncio: the same, awaited. The arguments are those of :class:`ORCHEX`."""

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        max_retries: int = DEFAULT_RETRIES,
        http_client: httpx2.AsyncClient | None = None,
    ) -> None:
        settings = settings_of(
            _PRODUCT,
            _PREFIX,
            base_url=base_url,
            api_key=api_key,
            timeout=timeout,
            max_retries=max_retries,
        )
        super().__init__(Async(settings, http_client))
        self.analyze = self.analyses.start
        self.refactor = self.refactorings.apply
