"""Webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lemnos.api.orchex.envelope import shown

CREATE: Mapping[str, Any] = {
    "url": "https://my-app.com/webhooks/ORCHEX",
    "secret": "webhook_secret",
    "events": ["task.completed", "task.failed", "analysis.completed", "refactoring.applied"],
    "active": True,
}
UPDATE: Mapping[str, Any] = {"events": ["task.completed"], "active": False}
ROTATE: Mapping[str, Any] = {"overlap_seconds": 3600}
_ID, _DELIVERY_ID = "webhook_01jhmv5d2c8f3k9q7w4x6y0z1a", "dlv_01jhmv5d2c8f3k9q7w4x6y0z1b"
_WEBHOOK = {
    "webhook_id": _ID,
    "url": CREATE["url"],
    "events": CREATE["events"],
    "active": True,
    "off_reason": None,
    "previous_secret_until": None,
    "created_at": "2025-11-29T21:00:00Z",
    "updated_at": "2025-11-29T21:00:00Z",
}
_DELIVERY = {
    "delivery_id": _DELIVERY_ID,
    "webhook_id": _ID,
    "event": "task.completed",
    "state": "delivered",
    "created_at": "2025-11-29T21:01:00Z",
    "next_attempt_at": None,
    "attempts": [
        {
            "number": 1,
            "status": 200,
            "problem": "",
            "duration_ms": 84.1,
            "at": "2025-11-29T21:01:00Z",
        }
    ],
}
CREATED = shown({**_WEBHOOK, "secret": None}, 201)
WEBHOOK = shown(_WEBHOOK)
WEBHOOKS = shown({"webhooks": [_WEBHOOK], "total": 1})
ROTATED = shown(
    {
        **_WEBHOOK,
        "previous_secret_until": "2025-11-29T22:00:00Z",
        "secret": "whsec_bmV3IHNlY3JldCBvZiAxOTIgYml0cw==",
    }
)
DELIVERIES = shown({"webhook_id": _ID, "deliveries": [_DELIVERY]})
ACCEPTED = shown({"delivery_id": _DELIVERY_ID, "state": "pending"}, 202)
