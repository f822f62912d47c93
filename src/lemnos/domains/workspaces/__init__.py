"""Workspaces: checkouts in which agents work; their sizes, expiry and removal."""
