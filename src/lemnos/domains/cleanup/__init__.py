"""Cleanup: what tools and systems leave behind in a folder is removed, and nothing else."""
