"""Hephaestus's operations: one file for each heading of the document."""

from lemnos.api.hephaestus.routes import analytics, quality, tasks

ROUTERS = (tasks.router, quality.router, analytics.router)
