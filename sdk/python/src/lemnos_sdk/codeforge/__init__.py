"""CodeForge: tasks on repositories, keys, MCP servers, workspaces and callbacks."""

from lemnos_sdk.codeforge.client import AsyncCodeForge, CodeForge
from lemnos_sdk.codeforge.tasks import Task

__all__ = ["AsyncCodeForge", "CodeForge", "Task"]
