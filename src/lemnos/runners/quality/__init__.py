"""Checks of changed trees: the tools run in the sandbox of agents, without a network.

What reads files runs there too, as ``python -I -m lemnos.runners.quality.inside``: no parser of
ours meets what an agent has written outside of the sandbox.
"""

from lemnos.runners.quality.inspector import SandboxInspector

__all__ = ["SandboxInspector"]
