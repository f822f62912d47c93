"""CodeForge's operations: one file for each heading of the document."""

from lemnos.api.codeforge.routes import (
    callbacks,
    keys,
    mcp,
    pull_requests,
    stream,
    tasks,
    workspaces,
)

# The hot operations come first: routes are tried in order.
ROUTERS = (
    tasks.router,
    stream.router,
    pull_requests.router,
    keys.router,
    mcp.router,
    workspaces.router,
    callbacks.router,
)
