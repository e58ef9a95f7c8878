// The interop cases on @connectrpc/connect-node, from their published descriptions, in each protocol
// that it speaks: Connect and gRPC-Web have what those cases ask of gRPC.
import { createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import {
  Code, createClient, decodeBinaryHeader, encodeBinaryHeader,
} from '@connectrpc/connect';
import {
  compressionGzip, createConnectTransport, createGrpcTransport, createGrpcWebTransport,
  Http2SessionManager,
} from '@connectrpc/connect-node';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import http from 'node:http';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { makeCertificates, startServer, zeros } from './programs.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const buf = path.join(here, '../../tools/buf');
const descriptors = execFileSync(buf, [
  'build', path.join(here, 'proto'), '--as-file-descriptor-set', '--output', '-#format=binpb',
]);
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));
const TestService = registry.getService('grpc.testing.TestService');
const UnimplementedService = registry.getService('grpc.testing.UnimplementedService');

const REQUEST_SIZES = [27182, 8, 1828, 45904];
const RESPONSE_SIZES = [31415, 9, 2653, 58979];
const ECHO_INITIAL = ['x-grpc-test-echo-initial', 'test_initial_metadata_value'];
const ECHO_TRAILING = 'x-grpc-test-echo-trailing-bin';
const SPECIAL = '\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n';

const create = {
  connect: createConnectTransport,
  'grpc-web': createGrpcWebTransport,
  grpc: createGrpcTransport,
};
const ways = ['connect', 'grpc-web', 'grpc'].flatMap((protocol) =>
  ['binary', 'JSON'].flatMap((format) => [
    ...(protocol === 'grpc' ? [] : [{ protocol, format, version: 'HTTP/1.1' }]),
    { protocol, format, version: 'h2c' },
    { protocol, format, version: 'h2 over TLS' },
  ]));

const limit = { timeout: 120_000 }; // a hang
let certificates;
let plain;
let secured;

before(async () => {
  certificates = await makeCertificates();
  plain = await startServer();
  secured = await startServer(...certificates.options);
});

after(async () => {
  for (const server of [plain, secured].filter(Boolean)) {
    const { status, stderr } = await server.stop();
    assert.equal(status, 0, stderr);
    assert.doesNotMatch(stderr, /Sanitizer|runtime error|assertion/i);
  }
  await certificates?.remove();
});

// A transport on a connection of its own, and that connection's end.
function dial({ protocol, format, version }, more) {
  const tls = version === 'h2 over TLS';
  const baseUrl = tls ? `https://localhost:${secured.port}` : `http://${plain.address}`;
  const options = { baseUrl, useBinaryFormat: format === 'binary', ...more };
  if (version === 'HTTP/1.1') {
    const agent = new http.Agent({ keepAlive: true });
    const transport = create[protocol]({ ...options, httpVersion: '1.1', nodeOptions: { agent } });
    return [transport, () => agent.destroy()];
  }
  const sessionManager = new Http2SessionManager(baseUrl, {}, tls ? { ca: certificates.ca } : {});
  const transport = create[protocol]({ ...options, httpVersion: '2', sessionManager });
  return [transport, () => sessionManager.abort()];
}

const largeRequest = (more = {}) => ({ responseSize: 314159, payload: payload(271828), ...more });
const payload = (size) => ({ body: zeros(size).body });
const ofSizes = (sizes) => sizes.map((size) => ({ size }));

// The size of a response's payload, which is zeros.
function sizeOf({ payload: { body } }) {
  assert.ok(Buffer.alloc(body.length).equals(body));
  return body.length;
}

async function sizesOf(responses) {
  const found = [];
  for await (const response of responses) found.push(sizeOf(response));
  return found;
}

async function* each(requests) {
  yield* requests;
}

// Requests that are sent when they are put in.
class Requests {
  waiting = [];
  wake = () => {};

  put(request) {
    this.waiting.push(request);
    this.wake();
  }

  end() {
    this.put(null);
  }

  async *[Symbol.asyncIterator]() {
    for (;;) {
      while (this.waiting.length === 0) await new Promise((resolve) => (this.wake = resolve));
      const request = this.waiting.shift();
      if (request === null) return;
      yield request;
    }
  }
}

async function emptyUnary(client) {
  assert.deepEqual({ ...(await client.emptyCall({})) }, { $typeName: 'grpc.testing.Empty' });
}

async function largeUnary(client) {
  assert.equal(sizeOf(await client.unaryCall(largeRequest())), 314159);
}

async function clientStreaming(client) {
  const requests = REQUEST_SIZES.map((size) => ({ payload: payload(size) }));
  const { aggregatedPayloadSize } = await client.streamingInputCall(each(requests));
  assert.equal(aggregatedPayloadSize, 74922);
}

async function serverStreaming(client) {
  const request = { responseParameters: ofSizes(RESPONSE_SIZES) };
  assert.deepEqual(await sizesOf(client.streamingOutputCall(request)), RESPONSE_SIZES);
}

async function pingPong(client) {
  const requests = new Requests();
  const responses = client.fullDuplexCall(requests)[Symbol.asyncIterator]();
  for (const [i, size] of RESPONSE_SIZES.entries()) {
    requests.put({ responseParameters: ofSizes([size]), payload: payload(REQUEST_SIZES[i]) });
    assert.equal(sizeOf((await responses.next()).value), size);
  }
  requests.end();
  assert.ok((await responses.next()).done);
}

async function emptyStream(client) {
  assert.deepEqual(await sizesOf(client.fullDuplexCall(each([]))), []);
}

async function timeoutOnSleepingServer(client) {
  const requests = new Requests();
  requests.put({ responseParameters: ofSizes([31415]), payload: payload(27182) });
  const late = sizesOf(client.fullDuplexCall(requests, { timeoutMs: 1 }));
  await assert.rejects(late, { code: Code.DeadlineExceeded });
  requests.end();
}

async function cancelAfterBegin(client) {
  const controller = new AbortController();
  const requests = new Requests();
  const call = client.streamingInputCall(requests, { signal: controller.signal });
  controller.abort();
  await assert.rejects(call, { code: Code.Canceled });
  requests.end();
}

async function cancelAfterFirstResponse(client) {
  const controller = new AbortController();
  const requests = new Requests();
  requests.put({ responseParameters: ofSizes([31415]), payload: payload(27182) });
  const responses = client.fullDuplexCall(requests, { signal: controller.signal });
  const iterator = responses[Symbol.asyncIterator]();
  assert.equal(sizeOf((await iterator.next()).value), 31415);
  controller.abort();
  await assert.rejects(iterator.next(), { code: Code.Canceled });
  requests.end();
}

async function statusCodeAndMessage(client, way) {
  const responseStatus = { code: 2, message: 'test status message' };
  const expected = { code: Code.Unknown, rawMessage: responseStatus.message };
  await assert.rejects(client.unaryCall({ responseStatus }), expected);
  const call = way.version === 'HTTP/1.1' ? client.streamingOutputCall({ responseStatus })
    : client.fullDuplexCall(each([{ responseStatus }]));
  await assert.rejects(sizesOf(call), expected);
}

async function specialStatusMessage(client) {
  const call = client.unaryCall({ responseStatus: { code: 2, message: SPECIAL } });
  await assert.rejects(call, { code: Code.Unknown, rawMessage: SPECIAL });
}

async function unimplementedMethod(client) {
  await assert.rejects(client.unimplementedCall({}), { code: Code.Unimplemented });
}

async function unimplementedService(client, way, transport) {
  const stranger = createClient(UnimplementedService, transport);
  await assert.rejects(stranger.unimplementedCall({}), { code: Code.Unimplemented });
}

async function customMetadata(client, way) {
  const bytes = Uint8Array.of(0xab, 0xab, 0xab);
  const seen = {};
  const options = {
    headers: { [ECHO_INITIAL[0]]: ECHO_INITIAL[1], [ECHO_TRAILING]: encodeBinaryHeader(bytes) },
    onHeader: (headers) => (seen.initial = headers.get(ECHO_INITIAL[0])),
    onTrailer: (trailers) => (seen.trailing = trailers.get(ECHO_TRAILING)),
  };
  const check = () => {
    assert.equal(seen.initial, ECHO_INITIAL[1]);
    assert.deepEqual(decodeBinaryHeader(seen.trailing), bytes);
    delete seen.initial;
    delete seen.trailing;
  };
  await client.unaryCall(largeRequest(), options);
  check();
  const request = { responseParameters: ofSizes([314159]), payload: payload(271828) };
  if (way.version === 'HTTP/1.1') return;
  assert.deepEqual(await sizesOf(client.fullDuplexCall(each([request]), options)), [314159]);
  check();
}

// The field that says how a response is compressed.
const encodingOf = (way, streams) =>
  way.protocol === 'connect' ? `${streams ? 'connect-' : ''}content-encoding` : 'grpc-encoding';

async function serverCompressedUnary(client, way) {
  for (const value of [true, false]) {
    let encoding;
    const options = { onHeader: (headers) => (encoding = headers.get(encodingOf(way, false))) };
    const response = await client.unaryCall(largeRequest({ responseCompressed: { value } }), options);
    assert.equal(sizeOf(response), 314159);
    assert.equal(encoding, value ? 'gzip' : null);
  }
}

async function serverCompressedStreaming(client, way) {
  let encoding;
  const responseParameters =
    [{ compressed: { value: true }, size: 31415 }, { compressed: { value: false }, size: 92653 }];
  const options = { onHeader: (headers) => (encoding = headers.get(encodingOf(way, true))) };
  const responses = client.streamingOutputCall({ responseParameters }, options);
  assert.deepEqual(await sizesOf(responses), [31415, 92653]);
  assert.equal(encoding, 'gzip');
}

// The client of this one compresses; the next one's does not.
async function clientCompressed(client) {
  const expectCompressed = { value: true };
  assert.equal(sizeOf(await client.unaryCall(largeRequest({ expectCompressed }))), 314159);
  const requests = [{ expectCompressed, payload: payload(27182) }];
  const { aggregatedPayloadSize } = await client.streamingInputCall(each(requests));
  assert.equal(aggregatedPayloadSize, 27182);
}

async function clientUncompressed(client) {
  const wrong = client.unaryCall(largeRequest({ expectCompressed: { value: true } }));
  await assert.rejects(wrong, { code: Code.InvalidArgument });
  const fine = await client.unaryCall(largeRequest({ expectCompressed: { value: false } }));
  assert.equal(sizeOf(fine), 314159);
}

const gzip = { sendCompression: compressionGzip, compressMinBytes: 0 };
const cases = [
  ['empty_unary', emptyUnary],
  ['large_unary', largeUnary],
  ['client_streaming', clientStreaming],
  ['server_streaming', serverStreaming],
  ['ping_pong', pingPong, { bidi: true }],
  ['empty_stream', emptyStream, { bidi: true }],
  ['timeout_on_sleeping_server', timeoutOnSleepingServer, { bidi: true }],
  ['cancel_after_begin', cancelAfterBegin],
  ['cancel_after_first_response', cancelAfterFirstResponse, { bidi: true }],
  ['status_code_and_message', statusCodeAndMessage],
  ['special_status_message', specialStatusMessage],
  ['unimplemented_method', unimplementedMethod],
  ['unimplemented_service', unimplementedService],
  ['custom_metadata', customMetadata],
  ['server_compressed_unary', serverCompressedUnary],
  ['server_compressed_streaming', serverCompressedStreaming],
  ['client_compressed, compressing', clientCompressed, { options: gzip }],
  ['client_compressed, not compressing', clientUncompressed],
];

for (const way of ways) {
  describe(`${way.protocol}, ${way.format}, ${way.version}`, () => {
    for (const [name, run, { bidi = false, options = {} } = {}] of cases) {
      if (bidi && way.version === 'HTTP/1.1') continue; // it cannot carry that
      test(name, limit, async () => {
        const [transport, close] = dial(way, options);
        try {
          await run(createClient(TestService, transport), way, transport);
        } finally {
          close();
        }
      });
    }
  });
}
