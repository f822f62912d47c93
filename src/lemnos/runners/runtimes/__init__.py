"""The ways of running agents, one file each."""
