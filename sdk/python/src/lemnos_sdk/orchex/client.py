"""The clients of ORCHEX."""

from __future__ import annotations

from lemnos_sdk._call import IO, Call, given, operation
from lemnos_sdk._client import Awaited, Blocking, Client
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


class _Client(Client[IO]):
    """What both clients offer."""

    _product, _prefix = "ORCHEX", "/v1"

    def __init__(self, io: IO) -> None:
        super().__init__(io)
        self.agents = Agents(io)
        self.tasks = Tasks(io)
        self.analyses = Analyses(io)
        self.refactorings = Refactorings(io)
        self.metrics = MetricsResource(io)
        self.system = System(io)
        self.webhooks = Webhooks(io)
        self._complete()

    def _complete(self) -> None:
        """Add the short names, whose types depend on whether calls are awaited."""

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


class ORCHEX(Blocking, _Client[Sync]):
    """ORCHEX, call by call.

    Where ``base_url`` and ``api_key`` are not given, they come from ``ORCHEX_BASE_URL`` and
    ``ORCHEX_API_KEY``, else from ``LEMNOS_URL`` and ``LEMNOS_API_KEY``. ``timeout`` is in
    seconds for one try, ``max_retries`` how many follow the first. ``http_client`` brings
    proxies, certificates and the like; whoever gives it closes it.
    """

    def _complete(self) -> None:
        self.analyze = self.analyses.start
        self.refactor = self.refactorings.apply


class AsyncORCHEX(Awaited, _Client[Async]):
    """ORCHEX for asyncio: the same, awaited. The arguments are those of :class:`ORCHEX`."""

    def _complete(self) -> None:
        self.analyze = self.analyses.start
        self.refactor = self.refactorings.apply
