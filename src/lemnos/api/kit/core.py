"""What the routes work with: the use cases of all domains, put together by ``main``."""

from __future__ import annotations

from dataclasses import dataclass

from lemnos.api.kit.readiness import Readiness
from lemnos.api.kit.system_view import SystemView
from lemnos.domains.agents.ports import Runtimes
from lemnos.domains.agents.router import Router
from lemnos.domains.agents.service import AgentService
from lemnos.domains.analysis.service import AnalysisService
from lemnos.domains.analytics.service import AnalyticsService
from lemnos.domains.cleanup.service import CleanupService
from lemnos.domains.integrations.service import KeyService
from lemnos.domains.mcp.service import McpService
from lemnos.domains.operations.service import OperationService
from lemnos.domains.quality.service import GuardRailsService
from lemnos.domains.refactoring.service import RefactoringService
from lemnos.domains.tasks.changes import ChangesReader
from lemnos.domains.tasks.routing.service import OrderService
from lemnos.domains.tasks.service import TaskService
from lemnos.domains.workspaces.service import WorkspaceService
from lemnos.platform.events.hub import EventHub
from lemnos.platform.execute import Door
from lemnos.platform.identity import ApiKeys, Identity
from lemnos.platform.telemetry.metrics import Metrics
from lemnos.platform.webhooks.endpoints import EndpointService
from lemnos.platform.webhooks.service import WebhookService
from lemnos.settings import Settings


@dataclass(frozen=True, slots=True)
class Core:
    """One server's use cases. Routes reach it through :func:`lemnos.api.kit.operation.core_of`."""

    settings: Settings
    door: Door
    identity: Identity
    api_keys: ApiKeys
    hub: EventHub
    metrics: Metrics
    readiness: Readiness
    system: SystemView
    runtimes: Runtimes
    agents: AgentService
    router: Router
    tasks: TaskService
    orders: OrderService
    changes: ChangesReader
    keys: KeyService
    mcp: McpService
    workspaces: WorkspaceService
    webhooks: WebhookService
    endpoints: EndpointService
    analyses: AnalysisService
    refactorings: RefactoringService
    operations: OperationService
    guard_rails: GuardRailsService
    cleanup: CleanupService
    analytics: AnalyticsService
