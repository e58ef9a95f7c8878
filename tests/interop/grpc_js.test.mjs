// The interop cases on @grpc/grpc-js, from their published descriptions: each test is one case, and
// what it asserts is what the description says that the client asserts.
import grpc from '@grpc/grpc-js';
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { TestService, UnimplementedService, makeCertificates, startServer, zeros } from './programs.mjs';
import { startTap } from './tap.mjs';

const { status } = grpc;
const GZIP = grpc.compressionAlgorithms.gzip;
const NO_COMPRESS = 2; // a write flag of gRPC's core, which grpc-js honours
const ECHO_INITIAL = ['x-grpc-test-echo-initial', 'test_initial_metadata_value'];
const ECHO_TRAILING = ['x-grpc-test-echo-trailing-bin', Buffer.from('ababab', 'hex')];
const PING_PONG = [[27182, 31415], [8, 9], [1828, 2653], [45904, 58979]];

let server;
let tlsServer;
let certificates;

before(async () => {
  certificates = await makeCertificates();
  [server, tlsServer] = await Promise.all([startServer(), startServer(...certificates.options)]);
});

after(async () => {
  for (const one of [server, tlsServer]) {
    const { status: exit, stderr } = await one.stop();
    assert.equal(exit, 0, stderr);
    assert.doesNotMatch(stderr, /Sanitizer|runtime error|assertion/i);
  }
  await certificates.remove();
});

const inTime = () => ({ deadline: Date.now() + 30_000 });

// Makes clients with connections of their own; close() ends them all.
class Clients {
  constructor(address, credentials) {
    this.address = address;
    this.credentials = credentials;
    this.made = [];
  }

  connect(options = {}, Service = TestService) {
    this.made.push(new Service(this.address, this.credentials,
      { 'grpc.use_local_subchannel_pool': 1, ...options }));
    return this.made.at(-1);
  }

  close() {
    for (const client of this.made) client.close();
  }
}

// One case, in the clear and over TLS: run gets connect(), which makes clients.
function interop(name, run) {
  const once = async (clients) => {
    try {
      await run(clients.connect.bind(clients));
    } finally {
      clients.close();
    }
  };
  test(name, () => once(new Clients(server.address, grpc.credentials.createInsecure())));
  test(`${name} over TLS`, () => once(
    new Clients(`localhost:${tlsServer.port}`, grpc.credentials.createSsl(certificates.ca))));
}

// The same in the clear, by way of a tap.
function tapped(name, run) {
  test(name, async () => {
    const tap = await startTap(server.port);
    const clients = new Clients(tap.address, grpc.credentials.createInsecure());
    try {
      await run(clients.connect.bind(clients), tap);
    } finally {
      clients.close();
      tap.close();
    }
  });
}

// A unary call; resolves to its response and metadata.
function unary(client, method, request, { metadata = new grpc.Metadata(), ...options } = {}) {
  return new Promise((resolve, reject) => {
    const got = {};
    client[method](request, metadata, { ...inTime(), ...options }, (error, response) => {
      if (error) reject(error);
      else got.response = response;
    })
      .on('metadata', (initial) => (got.initial = initial))
      .on('status', (end) => {
        if (end.code === status.OK) resolve({ ...got, trailing: end.metadata });
      });
  });
}

// StreamingInputCall; resolves to the response.
function input(client, requests, options = {}) {
  return new Promise((resolve, reject) => {
    const call = client.streamingInputCall(new grpc.Metadata(), { ...inTime(), ...options },
      (error, response) => (error ? reject(error) : resolve(response)));
    for (const request of requests) call.write(request);
    call.end();
  });
}

// A streaming call's responses, one by one, and how it ended.
class Responses {
  constructor(call) {
    this.call = call;
    this.ended = new Promise((resolve) => call.on('status', resolve));
    call.on('error', () => {}); // the status tells
    call.on('metadata', (initial) => (this.initial = initial));
    this.iterator = call[Symbol.asyncIterator]();
  }

  async next() {
    const { value, done } = await this.iterator.next();
    return done ? undefined : value;
  }

  async sizes() {
    const found = [];
    for (let one = await this.next(); one !== undefined; one = await this.next()) {
      found.push(sizeOf(one));
    }
    return found;
  }
}

// The size of a response's payload, which is zeros.
function sizeOf({ payload }) {
  assert.equal(payload.type, 'COMPRESSABLE');
  assert.ok(payload.body.equals(Buffer.alloc(payload.body.length)));
  return payload.body.length;
}

const largeRequest = (more = {}) => ({ responseSize: 314159, payload: zeros(271828), ...more });

const duplexRequest = (requestSize, responseSize) => ({
  responseParameters: [{ size: responseSize }], payload: zeros(requestSize),
});

const endsWith = (code, details) => (error) => {
  assert.equal(error.code, code, error.message);
  if (details !== undefined) assert.equal(error.details, details);
  return true;
};

// An interceptor by which a request says itself whether it is sent compressed.
const choosing = (compressed) => (options, nextCall) =>
  new (class extends grpc.InterceptingCall {
    sendMessageWithContext(context, message) {
      super.sendMessageWithContext(
        { ...context, flags: compressed(message) ? 0 : NO_COMPRESS }, message);
    }
  })(nextCall(options));

interop('empty_unary', async (connect) => {
  const { response } = await unary(connect(), 'emptyCall', {});
  assert.deepEqual(response, {});
});

interop('large_unary', async (connect) => {
  const { response } = await unary(connect(), 'unaryCall', largeRequest());
  assert.equal(sizeOf(response), 314159);
});

tapped('client_compressed_unary', async (connect, tap) => {
  const client = connect({ 'grpc.default_compression_algorithm': GZIP });
  const send = (value, compressed) =>
    unary(client, 'unaryCall', largeRequest({ expectCompressed: { value } }),
      { interceptors: [choosing(() => compressed)] });
  await assert.rejects(send(true, false), endsWith(status.INVALID_ARGUMENT));
  for (const value of [true, false]) {
    const { response } = await send(value, value);
    assert.equal(sizeOf(response), 314159);
  }
  assert.deepEqual(tap.compressed('requests'), [[false], [true], [false]]);
});

tapped('server_compressed_unary', async (connect, tap) => {
  const client = connect();
  for (const value of [true, false]) {
    const request = largeRequest({ responseCompressed: { value } });
    const { response } = await unary(client, 'unaryCall', request);
    assert.equal(sizeOf(response), 314159);
  }
  assert.deepEqual(tap.compressed('responses'), [[true], [false]]);
});

interop('client_streaming', async (connect) => {
  const requests = [27182, 8, 1828, 45904].map((size) => ({ payload: zeros(size) }));
  const response = await input(connect(), requests);
  assert.equal(response.aggregatedPayloadSize, 74922);
});

tapped('client_compressed_streaming', async (connect, tap) => {
  const client = connect({ 'grpc.default_compression_algorithm': GZIP });
  const request = (size, value) => ({ payload: zeros(size), expectCompressed: { value } });
  const first = request(27182, true);
  await assert.rejects(
    input(client, [first], { interceptors: [choosing(() => false)] }),
    endsWith(status.INVALID_ARGUMENT));
  const response = await input(client, [first, request(45904, false)],
    { interceptors: [choosing((message) => message.expectCompressed.value)] });
  assert.equal(response.aggregatedPayloadSize, 73086);
  assert.deepEqual(tap.compressed('requests'), [[false], [true, false]]);
});

interop('server_streaming', async (connect) => {
  const sizes = [31415, 9, 2653, 58979];
  const request = { responseParameters: sizes.map((size) => ({ size })) };
  const responses = new Responses(connect().streamingOutputCall(request, inTime()));
  assert.deepEqual(await responses.sizes(), sizes);
  assert.equal((await responses.ended).code, status.OK);
});

tapped('server_compressed_streaming', async (connect, tap) => {
  const request = {
    responseParameters: [
      { size: 31415, compressed: { value: true } },
      { size: 92653, compressed: { value: false } },
    ],
  };
  const responses = new Responses(connect().streamingOutputCall(request, inTime()));
  assert.deepEqual(await responses.sizes(), [31415, 92653]);
  assert.equal((await responses.ended).code, status.OK);
  assert.deepEqual(tap.compressed('responses'), [[true, false]]);
});

interop('ping_pong', async (connect) => {
  const call = connect().fullDuplexCall(inTime());
  const responses = new Responses(call);
  for (const [requestSize, responseSize] of PING_PONG) {
    call.write(duplexRequest(requestSize, responseSize));
    assert.equal(sizeOf(await responses.next()), responseSize);
  }
  call.end();
  assert.equal(await responses.next(), undefined);
  assert.equal((await responses.ended).code, status.OK);
});

interop('empty_stream', async (connect) => {
  const call = connect().fullDuplexCall(inTime());
  const responses = new Responses(call);
  call.end();
  assert.deepEqual(await responses.sizes(), []);
  assert.equal((await responses.ended).code, status.OK);
});

interop('timeout_on_sleeping_server', async (connect) => {
  const client = connect();
  await unary(client, 'emptyCall', {}); // so that there is a connection, and the call gets out
  const call = client.fullDuplexCall({ deadline: Date.now() + 1 });
  const responses = new Responses(call);
  call.write({ payload: zeros(27182) });
  assert.equal((await responses.ended).code, status.DEADLINE_EXCEEDED);
});

// The call is cancelled when its headers have been sent: that takes a turn of Node's loop. One that
// is cancelled in the turn that made it still goes out, and grpc-js never tells the server.
interop('cancel_after_begin', async (connect) => {
  const client = connect();
  await unary(client, 'emptyCall', {}); // as above
  await assert.rejects(new Promise((resolve, reject) => {
    const call = client.streamingInputCall(inTime(),
      (error, response) => (error ? reject(error) : resolve(response)));
    setImmediate(() => call.cancel());
  }), endsWith(status.CANCELLED));
  await unary(client, 'emptyCall', {}); // the connection is none the worse
});

interop('cancel_after_first_response', async (connect) => {
  const call = connect().fullDuplexCall(inTime());
  const responses = new Responses(call);
  call.write(duplexRequest(27182, 31415));
  assert.equal(sizeOf(await responses.next()), 31415);
  call.cancel();
  assert.equal((await responses.ended).code, status.CANCELLED);
});

interop('custom_metadata', async (connect) => {
  const client = connect();
  const metadata = new grpc.Metadata();
  metadata.set(...ECHO_INITIAL);
  metadata.set(...ECHO_TRAILING);
  const assertEchoed = (initial, trailing) => {
    assert.deepEqual(initial.get(ECHO_INITIAL[0]), [ECHO_INITIAL[1]]);
    assert.deepEqual(trailing.get(ECHO_TRAILING[0]), [ECHO_TRAILING[1]]);
  };

  const { response, initial, trailing } =
    await unary(client, 'unaryCall', largeRequest(), { metadata });
  assert.equal(sizeOf(response), 314159);
  assertEchoed(initial, trailing);

  const call = client.fullDuplexCall(metadata, inTime());
  const responses = new Responses(call);
  call.write(duplexRequest(271828, 314159));
  call.end();
  assert.deepEqual(await responses.sizes(), [314159]);
  const end = await responses.ended;
  assert.equal(end.code, status.OK);
  assertEchoed(responses.initial, end.metadata);
});

interop('status_code_and_message', async (connect) => {
  const client = connect();
  const responseStatus = { code: status.UNKNOWN, message: 'test status message' };
  await assert.rejects(unary(client, 'unaryCall', { responseStatus }),
    endsWith(status.UNKNOWN, responseStatus.message));
  const call = client.fullDuplexCall(inTime());
  const responses = new Responses(call);
  call.write({ responseStatus });
  call.end();
  endsWith(status.UNKNOWN, responseStatus.message)(await responses.ended);
});

interop('special_status_message', async (connect) => {
  const message = '\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n';
  const responseStatus = { code: status.UNKNOWN, message };
  await assert.rejects(unary(connect(), 'unaryCall', { responseStatus }),
    endsWith(status.UNKNOWN, message));
});

interop('unimplemented_method', async (connect) => {
  await assert.rejects(unary(connect(), 'unimplementedCall', {}), endsWith(status.UNIMPLEMENTED));
});

interop('unimplemented_service', async (connect) => {
  await assert.rejects(unary(connect({}, UnimplementedService), 'unimplementedCall', {}),
    endsWith(status.UNIMPLEMENTED));
});
