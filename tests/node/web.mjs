// Guests that talk to the server through @connectrpc/connect-web. It runs in browsers.
import { Code } from '@connectrpc/connect';
import { createConnectTransport, createGrpcWebTransport } from '@connectrpc/connect-web';
import { Contract, Guest } from '/tests/node/guest.mjs';

export { Code };

const create = { connect: createConnectTransport, 'grpc-web': createGrpcWebTransport };
const descriptors = await (await fetch('/descriptors.pb')).arrayBuffer();

export const contract = new Contract(new Uint8Array(descriptors));

// `way`: the server's URL, the protocol, and whether messages are binary.
export async function signIn(name, { url, protocol, binary, ...more }) {
  const guest = new Guest(contract, (interceptors) =>
    create[protocol]({ baseUrl: url, useBinaryFormat: binary, interceptors, ...more }));
  await guest.signIn(name);
  return guest;
}
