"""grpc.testing as Python classes, made from the .proto files by protoc when it is imported."""

import subprocess
import types

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from programs import HERE

SERVICE = "grpc.testing.TestService"
UNIMPLEMENTED_SERVICE = "grpc.testing.UnimplementedService"


def _descriptors():
    command = ["protoc", f"--proto_path={HERE / 'proto'}", "--include_imports"]
    command += ["--descriptor_set_out=/dev/stdout", "grpc/testing/test.proto"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return descriptor_pb2.FileDescriptorSet.FromString(done.stdout)


def _classes():
    pool = descriptor_pool.DescriptorPool()
    factory = message_factory.MessageFactory(pool)
    for file in _descriptors().file:
        pool.AddSerializedFile(file.SerializeToString())
    names = pool.FindFileByName("grpc/testing/messages.proto").message_types_by_name
    return {name: factory.GetPrototype(descriptor) for name, descriptor in names.items()}


pb = types.SimpleNamespace(**_classes())


def zeros(size):
    """A payload of that many zeros."""
    return pb.Payload(body=bytes(size))
