"""ORCHEX's operations: one file for each heading of the document."""

from lemnos.api.orchex.routes import (
    agents,
    analysis,
    metrics,
    outcomes,
    refactoring,
    routing,
    system,
    tasks,
    webhooks,
)

# The hot operations come first: routes are tried in order.
ROUTERS = (
    tasks.router,
    outcomes.router,
    routing.router,
    agents.router,
    analysis.router,
    refactoring.router,
    metrics.router,
    system.router,
    webhooks.router,
)
