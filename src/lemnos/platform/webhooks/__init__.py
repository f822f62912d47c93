"""The webhook outbox: stored with the fact, signed, sent in order, retried, kept in a log."""

from lemnos.platform.webhooks.port import Announcer, Answer, Event, NewDelivery, Outbox, Sender

__all__ = ["Announcer", "Answer", "Event", "NewDelivery", "Outbox", "Sender"]
