"""Nobody calls what they may not: every method, whoever it is."""

from __future__ import annotations

import json
import time

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from joserfc import jwt
from joserfc.jwk import OctKey

from lemnos.grpc.access import METHODS as TABLE
from lemnos.grpc.generated.hephaestus.v1 import cleanup_pb2, quality_pb2
from lemnos.platform.identity import PERMISSIONS
from tests.contract.hephaestus_grpc.conftest import MakeProject
from tests.contract.hephaestus_grpc.rpc import (
    METHODS,
    Client,
    address_of,
    bearer,
    details_of,
    invoke,
    path_of,
    trailing,
)
from tests.support.server import PATIENCE, LemnosServer
from tests.support.server_fixtures import MakeServer
from tests.support.shell import Shell

all_methods = pytest.mark.parametrize("method", METHODS, ids=path_of)
SHARED_SECRET = "a secret that is shared with a service that signs"


def refusal(
    channel: grpc.Channel,
    method: MethodDescriptor,
    credential: str,
    request: Message | None = None,
) -> grpc.RpcError:
    """How a call fails; without a request it is made with one that says nothing."""
    with pytest.raises(grpc.RpcError) as caught:
        invoke(channel, method, None if request is None else [request], bearer(credential))
    return caught.value


def test_the_table_holds_each_method_and_no_other() -> None:
    assert set(TABLE) == {path_of(method) for method in METHODS}
    assert {access.permission for access in TABLE.values()} <= PERMISSIONS


@all_methods
def test_each_method_refuses_a_call_without_a_credential(
    client: Client, method: MethodDescriptor
) -> None:
    error = refusal(client.channel, method, "")
    assert error.code() is grpc.StatusCode.UNAUTHENTICATED
    assert details_of(error)["ErrorInfo"].domain == "lemnos"


@all_methods
def test_each_method_refuses_who_holds_every_permission_but_its_own(
    server: LemnosServer, client: Client, method: MethodDescriptor
) -> None:
    needed = TABLE[path_of(method)].permission
    token = server.token(roles=("admin",), permissions=PERMISSIONS - {needed})
    error = refusal(client.channel, method, token)
    assert error.code() is grpc.StatusCode.PERMISSION_DENIED
    assert needed in str(error.details())


@pytest.mark.parametrize(
    ("role", "service"),
    [
        ("guard-rails", "QualityService"),
        ("cleanup", "CleanupService"),
        ("analytics", "AnalyticsService"),
    ],
)
def test_the_role_of_a_service_opens_that_service_alone(
    server: LemnosServer, client: Client, role: str, service: str
) -> None:
    token = server.token(roles=(role,), permissions=PERMISSIONS)
    codes = {
        method: refusal(client.channel, method, token, request_for_etc(method)).code()
        for method in METHODS
    }
    for method, code in codes.items():
        mine = method.containing_service.name == service
        wanted = grpc.StatusCode.INVALID_ARGUMENT if mine else grpc.StatusCode.PERMISSION_DENIED
        assert code is wanted, method.full_name


def test_refusals_of_what_changes_something_are_audited(
    server: LemnosServer, client: Client
) -> None:
    method = next(method for method in METHODS if method.name == "Clean")
    error = refusal(client.channel, method, server.token(roles=("viewer",)))
    assert error.code() is grpc.StatusCode.PERMISSION_DENIED
    target = f"gRPC {path_of(method)}"
    server.until(lambda: target in {each["target"] for each in audited(server)}, what="an entry")
    entry = next(each for each in reversed(audited(server)) if each["target"] == target)
    assert (entry["action"], entry["outcome"]) == ("request.refused", "forbidden")


def test_what_is_begun_is_audited_under_the_id_of_its_request(
    server: LemnosServer, client: Client, make_project: MakeProject
) -> None:
    request = cleanup_pb2.PreviewCleanupRequest(root=str(make_project()))
    answer, call = client.cleanup.PreviewCleanup.with_call(request, metadata=client.auth)
    request_id = trailing(call)["x-request-id"]
    server.until(
        lambda: request_id in {each["request_id"] for each in audited(server)}, what="an entry"
    )
    (entry,) = [each for each in audited(server) if each["request_id"] == request_id]
    assert (entry["action"], entry["outcome"]) == ("cleanup.start", "ok")
    assert entry["target"] == answer.report.task_id
    assert entry["remote"] == "127.0.0.1"


def test_a_key_opens_what_its_role_may_and_nothing_once_it_is_revoked(
    server: LemnosServer,
) -> None:
    shell = Shell(server.data, server.folder)
    made, other = (
        shell("keys", "create", name, "--role", "guard-rails", "--json").json
        for name in ("ci", "old")
    )
    assert code_of(server, made["key"]) is grpc.StatusCode.INVALID_ARGUMENT  # it was let in
    shell("keys", "revoke", other["id"])
    assert code_of(server, other["key"]) is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize("credential", ["lk_nonsense", "a.b.c", "Bearer", "x" * 5000])
def test_what_is_no_credential_opens_nothing(server: LemnosServer, credential: str) -> None:
    assert code_of(server, credential) is grpc.StatusCode.UNAUTHENTICATED


def test_a_service_may_sign_its_own_tokens_until_they_expire(make_server: MakeServer) -> None:
    server = make_server(env={"LEMNOS_GRPC_PORT": "0", "LEMNOS_JWT_SECRET": SHARED_SECRET}).start()
    now = int(time.time())
    claims = {"sub": "ci", "roles": ["guard-rails"], "iat": now - 120}
    good = signed({**claims, "exp": now + 60})
    assert code_of(server, good) is grpc.StatusCode.INVALID_ARGUMENT  # it was let in
    assert code_of(server, signed({**claims, "exp": now - 60})) is grpc.StatusCode.UNAUTHENTICATED
    other = signed({**claims, "exp": now + 60}, b"a secret of somebody else who signs as well")
    assert code_of(server, other) is grpc.StatusCode.UNAUTHENTICATED


def test_limits_are_those_of_the_rest_api(make_server: MakeServer) -> None:
    tiers = json.dumps({"standard": [3, 3600, 3], "anonymous": [2, 3600, 2]})
    limits = {"LEMNOS_RATE_LIMITS": "on", "LEMNOS_RATE_TIERS": tiers}
    server = make_server(env={"LEMNOS_GRPC_PORT": "0", **limits}).start()
    token = server.token(roles=("guard-rails",), permissions=PERMISSIONS)
    with server.client_with(token) as rest:
        assert rest.get("/api/v1/tasks/none").headers["x-ratelimit-remaining"] == "2"
    let_in = [failure_of(server, token) for _ in range(2)]
    assert [error.code() for error in let_in] == [grpc.StatusCode.INVALID_ARGUMENT] * 2
    assert trailing(let_in[1])["x-ratelimit-remaining"] == "0"

    refused = failure_of(server, token)
    assert refused.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    wait = int(trailing(refused)["retry-after"])
    assert 0 < details_of(refused)["RetryInfo"].retry_delay.seconds <= wait <= 3600
    # Guesses at credentials are counted by address.
    guesses = [code_of(server, "lk_guess") for _ in range(3)]
    assert guesses[:2] == [grpc.StatusCode.UNAUTHENTICATED] * 2
    assert guesses[2] is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_an_answer_tells_the_request_id_under_which_the_log_has_it(server: LemnosServer) -> None:
    with Client(address_of(server), server.key) as client:
        metadata = (*client.auth, ("x-request-id", "my-own-4711"))
        with pytest.raises(grpc.RpcError) as caught:
            client.quality.RunGuardRails(nowhere(), metadata=metadata)
    assert trailing(caught.value)["x-request-id"] == "my-own-4711"
    assert details_of(caught.value)["RequestInfo"].request_id == "my-own-4711"
    server.until(lambda: '"my-own-4711"' in server.log, what="a line of the log")
    metrics = server.client.get("/metrics").text
    name = 'method="/hephaestus.v1.QualityService/RunGuardRails"'
    assert f'lemnos_grpc_request_seconds_count{{code="INVALID_ARGUMENT",{name}}}' in metrics


def request_for_etc(method: MethodDescriptor) -> Message:
    """A request that names a folder which nobody may name."""
    fields = method.input_type.fields_by_name
    if "options" in fields:
        plain: dict[str, object] = {"options": {"workspace": "/etc"}}
    elif "record" in method.input_type.oneofs_by_name:
        plain = {"churn": {"path": "a.py"}}  # where the target should be
    else:
        plain = {"root" if "root" in fields else "workspace": "/etc"}
    return ParseDict(plain, GetMessageClass(method.input_type)())


def audited(server: LemnosServer) -> list[dict[str, str]]:
    """The sealed entries of the audit log."""
    shell = Shell(server.data, server.folder)
    entries: list[dict[str, str]] = shell("audit", "list", "--limit", "10000", "--json").json[
        "entries"
    ]
    return entries


def code_of(server: LemnosServer, credential: str) -> grpc.StatusCode:
    return failure_of(server, credential).code()


def failure_of(server: LemnosServer, credential: str) -> grpc.RpcError:
    """How a call ends that names a folder which nobody may name."""
    with (
        Client(address_of(server), credential) as client,
        pytest.raises(grpc.RpcError) as caught,
    ):
        client.quality.RunGuardRails(nowhere(), metadata=client.auth, timeout=PATIENCE)
    return caught.value


def nowhere() -> quality_pb2.RunGuardRailsRequest:
    options = quality_pb2.GuardRailsOptions(workspace="/etc")
    return quality_pb2.RunGuardRailsRequest(options=options)


def signed(claims: dict[str, object], secret: bytes = SHARED_SECRET.encode()) -> str:
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(secret))
