"""AI agents: the registry, routing between them, and the runtimes that they run in."""
