"""The certificate under which the services listen."""

from __future__ import annotations

import ssl
from pathlib import Path

import grpc

from lemnos.kernel.errors import Invalid


def credentials(certificate: str, key: str) -> grpc.ServerCredentials | None:
    """Credentials of a PEM certificate chain and its private key; None when neither is named.

    Raises ``Invalid`` for files that can't be read and for a key that is not the certificate's:
    gRPC would listen all the same, and every connection would fail.
    """
    if not (certificate or key):
        return None
    if not (certificate and key):
        missing = "grpc_tls_key" if certificate else "grpc_tls_cert"
        raise _invalid(f"gRPC with TLS needs both files: {missing} is not set.")
    try:
        # A password would be asked for on the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=_none)
        pair = (Path(key).read_bytes(), Path(certificate).read_bytes())
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        problem = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        raise _invalid(f"gRPC cannot use {certificate} with {key}: {problem}.") from error
    return grpc.ssl_server_credentials([pair])


def _none() -> str:
    raise ValueError("the key is encrypted")


def _invalid(message: str) -> Invalid:
    return Invalid(message, code="invalid_settings")
