"""Every query of the agents domain, each for one tenant unless it says otherwise."""

from lemnos.domains.agents.store.agents import AgentFilter, AgentStore
from lemnos.domains.agents.store.attempts import AttemptStore
from lemnos.domains.agents.store.measures import MeasureStore

__all__ = ["AgentFilter", "AgentStore", "AttemptStore", "MeasureStore"]
