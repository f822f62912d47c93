"""Tasks: pieces of work for an agent, from prompt to pull request."""
