"""Structured logs, Prometheus metrics, and traces where they are configured."""
