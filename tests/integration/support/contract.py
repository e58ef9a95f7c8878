"""The contract, as Python classes: made from the .proto files when it is imported.

protoc gives a set of descriptors on its standard output, so nothing is generated into any
folder, and no generated package hides the installed `grpc` and `google`.

`api.SendMessageRequest` is a message of parla.v1, `api.STREAM_START_NOW` a value of its
enumerations; `api.method("SendMessage")` tells how to call.
"""

import pathlib
import subprocess
import types

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

ROOT = pathlib.Path(__file__).resolve().parents[3]
PACKAGE = "parla.v1"

# The methods that the server has; every other one of the contract is UNIMPLEMENTED.
IMPLEMENTED = {
    "SignInAsGuest", "SignOut",
    "GetUser", "ListUsers",
    "CreateRoom", "GetRoom", "ListRooms", "JoinRoom", "LeaveRoom", "ListMembers",
    "SendMessage", "StreamMessages", "ListMessages", "MarkRead",
    "TakeMessages", "AckMessage", "ReleaseMessage",
}  # fmt: skip


def _descriptors():
    sources = sorted((ROOT / "proto" / "parla" / "v1").glob("*.proto"))
    assert sources, "no contract in proto/parla/v1"
    files = [str(path.relative_to(ROOT / "proto")) for path in sources]
    files += ["google/rpc/status.proto", "google/rpc/error_details.proto"]
    files += [
        "grpc/health/v1/health.proto",
        "grpc/reflection/v1/reflection.proto",
        "grpc/reflection/v1alpha/reflection.proto",
    ]
    command = ["protoc", f"--proto_path={ROOT / 'proto'}", "--proto_path=/usr/share/grpc-proto"]
    command += ["--proto_path=/usr/include", "--include_imports"]
    command += ["--descriptor_set_out=/dev/stdout", *files]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return descriptor_pb2.FileDescriptorSet.FromString(done.stdout)


class Contract:
    """Messages, enumerations and methods of every service."""

    def __init__(self):
        self._pool = descriptor_pool.DescriptorPool()
        self._factory = message_factory.MessageFactory(self._pool)
        self._methods = {}
        for file in _descriptors().file:
            self._pool.AddSerializedFile(file.SerializeToString())
            for service in file.service:
                name = f"{file.package}.{service.name}"
                self._add_service(self._pool.FindServiceByName(name))
            if file.package == PACKAGE:
                self._add_names(self._pool.FindFileByName(file.name))

    def _add_names(self, file):
        for name, descriptor in file.message_types_by_name.items():
            setattr(self, name, self._factory.GetPrototype(descriptor))
        for enum in file.enum_types_by_name.values():
            for value in enum.values:
                setattr(self, value.name, value.number)

    def _add_service(self, service):
        proto = descriptor_pb2.ServiceDescriptorProto()
        service.CopyToProto(proto)
        for method, told in zip(service.methods, proto.method):
            entry = types.SimpleNamespace(
                name=method.name,
                service=service.full_name,
                path=f"/{service.full_name}/{method.name}",
                request=self._factory.GetPrototype(method.input_type),
                response=self._factory.GetPrototype(method.output_type),
                client_streaming=told.client_streaming,
                server_streaming=told.server_streaming,
            )
            self._methods[entry.path] = entry
            if service.full_name.startswith(PACKAGE + "."):
                self._methods[method.name] = entry

    def message(self, full_name):
        """The class of a message of any package."""
        return self._factory.GetPrototype(self._pool.FindMessageTypeByName(full_name))

    def method(self, name):
        """A method: by its name where it is one of parla's, else by its path."""
        return self._methods[name]

    def methods(self):
        """All methods of parla's own services."""
        found = [m for name, m in self._methods.items() if not name.startswith("/")]
        return sorted(found, key=lambda m: m.path)


api = Contract()
