"""Hephaestus: quality gates, cleanup, rankings."""

from lemnos_sdk.hephaestus.client import AsyncHephaestus, Hephaestus
from lemnos_sdk.hephaestus.operations import CleanupRun, GuardRailsRun

__all__ = ["AsyncHephaestus", "CleanupRun", "GuardRailsRun", "Hephaestus"]
