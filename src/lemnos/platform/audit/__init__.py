"""The audit log: every mutation and every refused attempt, chained by hash for each tenant."""

from lemnos.platform.audit.log import AuditLog
from lemnos.platform.audit.model import Entry, Head, Verdict
from lemnos.platform.audit.sealer import Sealer

__all__ = ["AuditLog", "Entry", "Head", "Sealer", "Verdict"]
