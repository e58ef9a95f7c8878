// grpc.testing.TestService on @grpc/grpc-js, for the project's own client. Prints one line,
// "listening on HOST:PORT", and ends on SIGTERM.
//
// usage: node grpc_js_server.mjs [CERT KEY]    with two PEM files: over TLS
//
// What grpc-js (1.14) cannot do as a server: it never compresses what it sends, so the cases
// server_compressed_unary and server_compressed_streaming are run against other servers. And it
// does not tell whether a request came compressed: that is read here from the envelopes on the
// call's HTTP/2 stream, which is not part of its documented interface.
import grpc from '@grpc/grpc-js';
import { readFileSync } from 'node:fs';
import { TestService, zeros } from './programs.mjs';

const { status } = grpc;
const ECHO_INITIAL = 'x-grpc-test-echo-initial';
const ECHO_TRAILING = 'x-grpc-test-echo-trailing-bin';

// Request messages that came compressed.
const compressed = new WeakSet();

// Calls onEnvelope with each envelope's flag byte.
function readEnvelopes(stream, onEnvelope) {
  let bytes = Buffer.alloc(0);
  stream.prependListener('data', (data) => {
    bytes = Buffer.concat([bytes, data]);
    while (bytes.length >= 5 && bytes.length >= 5 + bytes.readUInt32BE(1)) {
      onEnvelope(bytes[0]);
      bytes = bytes.subarray(5 + bytes.readUInt32BE(1));
    }
  });
}

// An interceptor that notes which requests came compressed.
function noteCompressed(_, call) {
  const flags = [];
  readEnvelopes(call.stream, (flag) => flags.push(flag));
  return new grpc.ServerInterceptingCall(call, {
    start: (next) =>
      next({
        onReceiveMessage(message, nextMessage) {
          if (flags.shift() === 1) compressed.add(message);
          nextMessage(message);
        },
      }),
  });
}

const failure = (code, details) => Object.assign(new Error(details), { code, details });

// What is wrong with a request, or what end it asks for.
function endOf(request) {
  if (request.expectCompressed?.value && !compressed.has(request)) {
    return failure(status.INVALID_ARGUMENT, 'the request is not compressed');
  }
  if (request.expectCompressed?.value === false && compressed.has(request)) {
    return failure(status.INVALID_ARGUMENT, 'the request is compressed');
  }
  const { code = 0, message = '' } = request.responseStatus ?? {};
  return code === 0 ? null : failure(code, message);
}

// Sends the metadata that the client wants to see again; returns what belongs into the trailers.
function echoMetadata(call) {
  const initial = new grpc.Metadata();
  const trailing = new grpc.Metadata();
  for (const value of call.metadata.get(ECHO_INITIAL)) initial.add(ECHO_INITIAL, value);
  for (const value of call.metadata.get(ECHO_TRAILING)) trailing.add(ECHO_TRAILING, value);
  call.sendMetadata(initial);
  return trailing;
}

function emptyCall(call, callback) {
  callback(null, {}, echoMetadata(call));
}

function unaryCall(call, callback) {
  const trailing = echoMetadata(call);
  const error = endOf(call.request);
  if (error) callback(error, null, trailing);
  else callback(null, { payload: zeros(call.request.responseSize) }, trailing);
}

function streamingInputCall(call, callback) {
  const trailing = echoMetadata(call);
  let size = 0;
  let error = null;
  call.on('data', (request) => {
    error ??= endOf(request);
    size += request.payload?.body.length ?? 0;
  });
  call.on('end', () => callback(error, { aggregatedPayloadSize: size }, trailing));
}

const pause = (us) => new Promise((resolve) => setTimeout(resolve, us / 1000));

async function respond(call, { responseParameters }) {
  for (const { size, intervalUs } of responseParameters) {
    if (intervalUs > 0) await pause(intervalUs);
    call.write({ payload: zeros(size) });
  }
}

function fail(call, error, trailing) {
  call.emit('error', Object.assign(error, { metadata: trailing }));
}

async function streamingOutputCall(call) {
  const trailing = echoMetadata(call);
  const error = endOf(call.request);
  if (error) {
    fail(call, error, trailing);
    return;
  }
  await respond(call, call.request);
  call.end(trailing);
}

function fullDuplexCall(call) {
  const trailing = echoMetadata(call);
  let ended = false;
  let turn = Promise.resolve(); // requests are answered one after the other
  const then = (answer) => {
    turn = turn.then(() => (ended || call.cancelled ? undefined : answer()));
  };
  call.on('data', (request) => then(async () => {
    const error = endOf(request);
    ended = error !== null;
    if (ended) fail(call, error, trailing);
    else await respond(call, request);
  }));
  call.on('end', () => then(() => call.end(trailing)));
}

function credentialsOf([cert, key]) {
  if (cert === undefined) return grpc.ServerCredentials.createInsecure();
  const pair = { cert_chain: readFileSync(cert), private_key: readFileSync(key) };
  return grpc.ServerCredentials.createSsl(null, [pair]);
}

const server = new grpc.Server({ interceptors: [noteCompressed] });
// unimplementedCall is left out, and so is UnimplementedService.
server.addService(TestService.service, {
  emptyCall, unaryCall, streamingInputCall, streamingOutputCall, fullDuplexCall,
});
server.bindAsync('127.0.0.1:0', credentialsOf(process.argv.slice(2)), (error, port) => {
  if (error) throw error;
  console.log(`listening on 127.0.0.1:${port}`);
});
process.on('SIGTERM', () => {
  server.forceShutdown();
  process.exit(0);
});
