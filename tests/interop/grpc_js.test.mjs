// The interop cases on @grpc/grpc-js, from their published descriptions: each test is one case, and
// what it asserts is what the description says that the client asserts.
import grpc from '@grpc/grpc-js';
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { TestService, UnimplementedService, startServer, zeros } from './programs.mjs';
import { startTap } from './tap.mjs';

const { status } = grpc;
const ECHO_INITIAL = ['x-grpc-test-echo-initial', 'test_initial_metadata_value'];
const ECHO_TRAILING = ['x-grpc-test-echo-trailing-bin', Buffer.from('ababab', 'hex')];
const PING_PONG = [[27182, 31415], [8, 9], [1828, 2653], [45904, 58979]];

let server;

before(async () => {
  server = await startServer();
});

after(async () => {
  const { status: exit, stderr } = await server.stop();
  assert.equal(exit, 0, stderr);
  assert.doesNotMatch(stderr, /Sanitizer|runtime error|assertion/i);
});

const inTime = () => ({ deadline: Date.now() + 30_000 });

// One case: run gets connect(), for clients of connections of their own, and the tap that they all
// pass through.
function interop(name, run) {
  test(name, async () => {
    const tap = await startTap(server.port);
    const clients = [];
    const connect = (options = {}, Service = TestService) => {
      clients.push(new Service(tap.address, grpc.credentials.createInsecure(),
        { 'grpc.use_local_subchannel_pool': 1, ...options }));
      return clients.at(-1);
    };
    try {
      await run(connect, tap);
    } finally {
      for (const client of clients) client.close();
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

interop('empty_unary', async (connect) => {
  const { response } = await unary(connect(), 'emptyCall', {});
  assert.deepEqual(response, {});
});

interop('large_unary', async (connect) => {
  const { response } = await unary(connect(), 'unaryCall', largeRequest());
  assert.equal(sizeOf(response), 314159);
});

interop('client_streaming', async (connect) => {
  const requests = [27182, 8, 1828, 45904].map((size) => ({ payload: zeros(size) }));
  const response = await input(connect(), requests);
  assert.equal(response.aggregatedPayloadSize, 74922);
});

interop('server_streaming', async (connect) => {
  const sizes = [31415, 9, 2653, 58979];
  const request = { responseParameters: sizes.map((size) => ({ size })) };
  const responses = new Responses(connect().streamingOutputCall(request, inTime()));
  assert.deepEqual(await responses.sizes(), sizes);
  assert.equal((await responses.ended).code, status.OK);
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

interop('cancel_after_begin', async (connect) => {
  const client = connect();
  await unary(client, 'emptyCall', {}); // as above
  await assert.rejects(new Promise((resolve, reject) => {
    client
      .streamingInputCall(inTime(), (error, response) => (error ? reject(error) : resolve(response)))
      .cancel();
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
