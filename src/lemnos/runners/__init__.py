"""How agents run: runtimes, sandbox and model gateway."""
