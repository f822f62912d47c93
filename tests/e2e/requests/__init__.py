"""Hostile requests: whatever is sent, no answer is a 500, and the server lives.

Each test runs against a real server on SQLite and on PostgreSQL, which refuse different things.
"""
