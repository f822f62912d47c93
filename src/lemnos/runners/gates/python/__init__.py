"""Checkers for Python projects: the tools that a project declares, else the documented ones."""
