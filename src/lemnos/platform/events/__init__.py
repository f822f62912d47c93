"""The one append-only event log, and the subscriptions that read it by cursor."""

from lemnos.platform.events.port import Event, EventLog, NewEvent, Subscription

__all__ = ["Event", "EventLog", "NewEvent", "Subscription"]
