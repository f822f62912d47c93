"""ORCHEX: agents, routed tasks, analyses and refactorings."""

from lemnos_sdk.orchex.client import ORCHEX, AsyncORCHEX
from lemnos_sdk.orchex.tasks import Task

__all__ = ["ORCHEX", "AsyncORCHEX", "Task"]
