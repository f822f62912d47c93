"""MCP servers that agents may use."""
