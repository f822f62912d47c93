"""The one append-only event log, and the subscriptions that read it by cursor."""
