"""AI agents: runtimes, MCP servers, and which of them does a task."""
