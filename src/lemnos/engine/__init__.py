"""Durable execution behind a small port; knows no domain."""

from lemnos.engine.port import Engine, Handler, Job, QueueLimits, Steps

__all__ = ["Engine", "Handler", "Job", "QueueLimits", "Steps"]
