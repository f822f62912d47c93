"""How a delivery is signed: Standard Webhooks 1.0, and the plain HMAC of ORCHEX. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime

from standardwebhooks import Webhook

from lemnos.kernel.clock import SECOND


def standard_headers(
    delivery_id: str, body: bytes, secrets: Sequence[bytes], now: int
) -> dict[str, str]:
    """``webhook-id``, ``webhook-timestamp``, ``webhook-signature``: one signature a secret."""
    moment = datetime.fromtimestamp(now // SECOND, UTC)
    text = body.decode()
    signatures = [Webhook(_standard_key(key)).sign(delivery_id, moment, text) for key in secrets]
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": str(now // SECOND),
        "webhook-signature": " ".join(signatures),
    }


def plain_signature(body: bytes, secrets: Sequence[bytes]) -> str:
    """``sha256=<hex>`` for each secret, between commas: HMAC-SHA256 of the body.

    The key is the secret as it is written, ``whsec_`` included.
    """
    digests = (hmac.new(secret, body, hashlib.sha256).hexdigest() for secret in secrets)
    return ",".join(f"sha256={digest}" for digest in digests)


def _standard_key(secret: bytes) -> bytes:
    """The key that a secret stands for: ``whsec_<base64>``, else the secret's own bytes."""
    text = secret.removeprefix(b"whsec_")
    if text == secret:
        return secret
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return secret
