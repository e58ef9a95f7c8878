// Calls through grpc-web, gRPC's own library for browsers; only in its text format can it stream.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import grpcWeb from 'grpc-web';
import { contract } from '/tests/node/web.mjs';

function prepare(name, request) {
  const [service, method] = name.split('/');
  const { input, output, methodKind } = contract.service(`parla.v1.${service}`).methods
    .find((one) => one.name === method);
  const kind = methodKind === 'unary' ? 'UNARY' : 'SERVER_STREAMING';
  const descriptor = new grpcWeb.MethodDescriptor(
    `/parla.v1.${name}`, grpcWeb.MethodType[kind], Object, Object,
    (message) => toBinary(input, message), (bytes) => fromBinary(output, bytes),
  );
  return [create(input, request), descriptor];
}

// A unary call; `format` is 'text' or 'binary'.
export function call(url, format, name, request, metadata = {}) {
  const client = new grpcWeb.GrpcWebClientBase({ format });
  const [message, descriptor] = prepare(name, request);
  return client.unaryCall(url + descriptor.name, message, metadata, descriptor);
}

// A server stream: `until` waits for an item, `end` for the status.
export function stream(url, name, request, metadata) {
  const client = new grpcWeb.GrpcWebClientBase({ format: 'text' });
  const [message, descriptor] = prepare(name, request);
  const call = client.serverStreaming(url + descriptor.name, message, metadata, descriptor);
  const waiting = [];
  const come = [];
  const settle = () => {
    while (waiting.length > 0 && come.some(waiting[0].wanted)) {
      const { wanted, resolve } = waiting.shift();
      resolve(come.splice(0, come.findIndex(wanted) + 1).pop());
    }
  };
  call.on('data', (item) => {
    come.push(item);
    settle();
  });
  return {
    until: (wanted) => new Promise((resolve) => {
      waiting.push({ wanted, resolve });
      settle();
    }),
    end: new Promise((resolve) => {
      call.on('error', ({ code }) => resolve(code));
    }),
  };
}
