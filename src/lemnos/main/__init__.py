"""The composition root: settings, platform, domains, runners, adapters, and the APIs over them.

Nothing is imported here: a command that needs one part of it must not load a whole server.
"""
