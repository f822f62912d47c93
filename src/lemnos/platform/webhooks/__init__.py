"""The webhook outbox: stored with the fact, signed, sent in order, retried, kept in a log."""

from lemnos.platform.webhooks.port import Answer, NewDelivery, Outbox, Sender

__all__ = ["Answer", "NewDelivery", "Outbox", "Sender"]
