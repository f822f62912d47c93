"""Clients of the gRPC services: with the stubs, and from what a server says of itself alone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import grpc
from google.protobuf import json_format
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2
from google.rpc.status_pb2 import Status
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from lemnos.grpc.generated.hephaestus.v1 import (
    analytics_pb2,
    analytics_pb2_grpc,
    cleanup_pb2,
    cleanup_pb2_grpc,
    quality_pb2,
    quality_pb2_grpc,
)
from tests.support.server import PATIENCE, LemnosServer

Metadata = tuple[tuple[str, str], ...]

METHODS: tuple[MethodDescriptor, ...] = tuple(
    method
    for file in (quality_pb2, cleanup_pb2, analytics_pb2)
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
)


def address_of(server: LemnosServer) -> str:
    """Where a server's gRPC services are, as it has announced them."""
    said = json.loads((server.data / "server.json").read_text())
    return str(said["grpc"])


class Client:
    """The stubs of all services, over one connection. ``auth`` is the metadata to call with."""

    def __init__(self, target: str, credential: str, *, root: bytes | None = None) -> None:
        self.channel = (
            grpc.insecure_channel(target)
            if root is None
            else grpc.secure_channel(target, grpc.ssl_channel_credentials(root))
        )
        self.auth = bearer(credential)
        self.quality = quality_pb2_grpc.QualityServiceStub(self.channel)
        self.cleanup = cleanup_pb2_grpc.CleanupServiceStub(self.channel)
        self.analytics = analytics_pb2_grpc.AnalyticsServiceStub(self.channel)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.channel.close()


def bearer(credential: str) -> Metadata:
    """The metadata that carries a credential."""
    return (("authorization", f"Bearer {credential}"),) if credential else ()


def path_of(method: MethodDescriptor) -> str:
    """``/package.Service/Method``."""
    return f"/{method.containing_service.full_name}/{method.name}"


def invoke(
    channel: grpc.Channel,
    method: MethodDescriptor,
    requests: Iterable[Message] | None = None,
    metadata: Metadata = (),
) -> list[Message]:
    """Call any method; its answers. Without requests it gets one that says nothing."""
    made = [GetMessageClass(method.input_type)()] if requests is None else list(requests)
    kind = (
        f"{'stream' if method.client_streaming else 'unary'}"
        f"_{'stream' if method.server_streaming else 'unary'}"
    )
    call = getattr(channel, kind)(
        path_of(method),
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=GetMessageClass(method.output_type).FromString,
    )
    sent = iter(made) if method.client_streaming else made[0]
    answer = call(sent, metadata=metadata, timeout=PATIENCE)
    return list(answer) if method.server_streaming else [answer]


class Curl:
    """Calls methods by name with JSON, and knows of them what the server's reflection tells."""

    def __init__(self, channel: grpc.Channel, credential: str) -> None:
        self._channel = channel
        self._metadata = bearer(credential)
        self._database = ProtoReflectionDescriptorDatabase(channel)
        self._pool = DescriptorPool(self._database)

    def services(self) -> list[str]:
        """What ``grpcurl list`` shows."""
        return sorted(self._database.get_services())

    def __call__(self, name: str, *requests: dict[str, Any]) -> list[dict[str, Any]]:
        """Call ``package.Service/Method``; the answers."""
        service, _, method_name = name.partition("/")
        method = self._pool.FindServiceByName(service).FindMethodByName(method_name)
        made = [
            json_format.ParseDict(each, GetMessageClass(method.input_type)(), False, self._pool)
            for each in requests
        ]
        return [
            json_format.MessageToDict(
                each, preserving_proto_field_name=True, descriptor_pool=self._pool
            )
            for each in invoke(self._channel, method, made, self._metadata)
        ]


def trailing(call: Any) -> dict[str, Any]:
    """The metadata that ends a call or an error."""
    return dict(call.trailing_metadata())


def details_of(error: grpc.RpcError) -> dict[str, Any]:
    """The details of the richer error model, by their type's name."""
    status = Status.FromString(trailing(error)["grpc-status-details-bin"])
    assert status.code == error.code().value[0]
    assert status.message == error.details()
    found = {}
    for packed in status.details:
        name = packed.TypeName().rpartition(".")[2]
        detail = getattr(error_details_pb2, name)()
        packed.Unpack(detail)
        found[name] = detail
    return found


def events_of(stream: Iterator[Any]) -> Iterator[tuple[str, Any]]:
    """The events of a guard-rails stream: what it is, and its content."""
    for answer in stream:
        name = answer.WhichOneof("event")
        yield name, getattr(answer, name)
