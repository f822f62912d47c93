"""The built-in agent: deterministic refactorings, and a small tool loop where there is a model.

It runs as a child process inside the sandbox (`python -I -m lemnos.runners.builtin`), reads one
request from stdin and writes one JSON event per line; `protocol` describes both.
"""
