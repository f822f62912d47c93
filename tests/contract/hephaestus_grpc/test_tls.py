"""TLS: with the operator's certificate, and with files that are none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lemnos.grpc.generated.hephaestus.v1 import analytics_pb2 as pb
from tests.contract.hephaestus_grpc.rpc import Client, address_of
from tests.contract.hephaestus_grpc.test_node import node
from tests.support.npm import require
from tests.support.server import PATIENCE, LemnosServer
from tests.support.server_fixtures import MakeServer


@dataclass(frozen=True)
class Certificate:
    """A certificate that signs itself, and its key, in files."""

    certificate: Path
    key: Path

    @property
    def env(self) -> dict[str, str]:
        tls = {"CERT": str(self.certificate), "KEY": str(self.key)}
        return {"LEMNOS_GRPC_PORT": "0"} | {f"LEMNOS_GRPC_TLS_{n}": v for n, v in tls.items()}


def make_certificate(folder: Path, name: str, password: bytes = b"") -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    files = Certificate(folder / f"{name}.crt", folder / f"{name}.key")
    files.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(password)
            if password
            else serialization.NoEncryption(),
        )
    )
    return files


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"), "forge")


@pytest.fixture(scope="module")
def secure(
    certificate: Certificate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LemnosServer]:
    """A server that speaks TLS."""
    with LemnosServer(tmp_path_factory.mktemp("secure"), env=certificate.env) as running:
        yield running


def answer(client: Client) -> grpc.StatusCode:
    """How a call ends whose limit is wrong: INVALID_ARGUMENT, if it is let in."""
    request = pb.GetRankingsRequest(limit=0)
    with pytest.raises(grpc.RpcError) as caught:
        client.analytics.GetRankings(request, metadata=client.auth, timeout=PATIENCE)
    return caught.value.code()


def test_python_calls_over_tls(secure: LemnosServer, certificate: Certificate) -> None:
    root = certificate.certificate.read_bytes()
    with Client(address_of(secure), secure.key, root=root) as client:
        assert answer(client) is grpc.StatusCode.INVALID_ARGUMENT
    with Client(address_of(secure), "lk_nobody", root=root) as client:
        assert answer(client) is grpc.StatusCode.UNAUTHENTICATED


def test_node_calls_over_tls(secure: LemnosServer, certificate: Certificate) -> None:
    require("@grpc/grpc-js/package.json")
    require("@grpc/proto-loader/package.json")
    ((_, status),) = node(
        address_of(secure),
        "AnalyticsService/GetRankings",
        {"limit": 0},
        key=secure.key,
        ca=str(certificate.certificate),
    )
    assert status["code"] == 3  # INVALID_ARGUMENT


def test_clear_text_and_an_unknown_authority_get_nowhere(
    secure: LemnosServer, tmp_path: Path
) -> None:
    with Client(address_of(secure), secure.key) as client:
        assert answer(client) is grpc.StatusCode.UNAVAILABLE
    stranger = make_certificate(tmp_path, "stranger").certificate.read_bytes()
    with Client(address_of(secure), secure.key, root=stranger) as client:
        assert answer(client) is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("problem", ["missing", "garbage", "other key", "encrypted", "half"])
def test_files_that_are_no_certificate_keep_the_server_from_starting(
    make_server: MakeServer, certificate: Certificate, tmp_path: Path, problem: str
) -> None:
    env = dict(certificate.env)
    if problem == "missing":
        env["LEMNOS_GRPC_TLS_CERT"] = str(tmp_path / "nowhere.crt")
    elif problem == "garbage":
        (tmp_path / "garbage.crt").write_text("no certificate")
        env["LEMNOS_GRPC_TLS_CERT"] = str(tmp_path / "garbage.crt")
    elif problem == "other key":
        env["LEMNOS_GRPC_TLS_KEY"] = str(make_certificate(tmp_path, "other").key)
    elif problem == "encrypted":
        env = make_certificate(tmp_path, "sealed", b"password").env
    else:
        del env["LEMNOS_GRPC_TLS_KEY"]
    server = make_server(env=env).start(wait=False)
    assert server.process.wait(PATIENCE) == 1
    (said,) = [line for line in server.log.splitlines() if "cannot start" in line]
    assert "gRPC" in said
    assert env["LEMNOS_GRPC_TLS_CERT"] in said or "grpc_tls_key is not set" in said


def test_clear_text_beyond_this_machine_is_warned_of(make_server: MakeServer) -> None:
    server = make_server(env={"LEMNOS_GRPC_PORT": "0", "LEMNOS_HOST": "0.0.0.0"}).start()
    assert "gRPC takes API keys in clear text" in server.log
