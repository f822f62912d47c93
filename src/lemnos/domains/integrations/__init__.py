"""Integrations: credentials for git hosts, and the hosts themselves."""
