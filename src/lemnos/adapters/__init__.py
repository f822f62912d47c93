"""The outside world behind the domains' ports: forges, git, network."""
