"""Checkers for what every project may have: YAML, workflows, rubbish, tools, gates of its own."""
