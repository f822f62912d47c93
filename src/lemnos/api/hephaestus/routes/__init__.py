"""Hephaestus's operations: one file for each heading of the document."""

from lemnos.api.hephaestus.routes import analytics, cleanup, quality, tasks

ROUTERS = (tasks.router, quality.router, cleanup.router, analytics.router)
