"""Measuring source files: parsers and published metrics, in child processes that may die."""
