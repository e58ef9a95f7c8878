// The chat through `buf curl`: gRPC, gRPC-Web and Connect. It knows the contract by asking the
// server (reflection, on HTTP/2), or from the .proto files.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { makeCertificates, root, startServer } from './server.mjs';

const buf = path.join(root, 'tools/buf');
const schema = ['--schema', path.join(root, 'proto')];
const h2c = ['--http2-prior-knowledge'];
const ways = [
  ...['grpc', 'grpcweb', 'connect'].flatMap((protocol) => [
    { name: `${protocol}, h2c, reflection`, protocol, options: h2c },
    { name: `${protocol}, TLS, reflection`, protocol, options: [], secure: true },
  ]),
  { name: 'grpc, h2c, .proto files', protocol: 'grpc', options: [...h2c, ...schema] },
  ...['grpcweb', 'connect'].map((protocol) => (
    { name: `${protocol}, HTTP/1.1, .proto files`, protocol, options: schema })),
];

let certificates;
let plain;
let secured;
let names = 0;

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

function argumentsFor(way, method, request, token) {
  const [server, scheme] = way.secure ? [secured, 'https'] : [plain, 'http'];
  return [
    'curl', '--protocol', way.protocol, ...way.options,
    ...(way.secure ? ['--cacert', certificates.caFile] : []),
    ...(token ? ['--header', `authorization: Bearer ${token}`] : []),
    '--data', JSON.stringify(request), `${scheme}://${server.address}/${method}`,
  ];
}

// Calls a method; resolves to its answer, rejects with what buf says.
async function curl(way, method, request, token) {
  const args = argumentsFor(way, method, request, token);
  const { stdout } = await promisify(execFile)(buf, args, { timeout: 60_000 });
  return JSON.parse(stdout);
}

// A server stream. `until` waits for some text among the items; `end` for buf's exit status.
function openStream(way, method, request, token) {
  const args = argumentsFor(way, method, request, token);
  const child = spawn(buf, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 });
  const closed = once(child, 'close');
  let told = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (told += text));
  const chunks = child.stdout.setEncoding('utf8')[Symbol.asyncIterator]();
  let shown = '';
  return {
    async until(text) {
      while (!shown.includes(text)) {
        const { value, done } = await chunks.next();
        if (done) throw new Error(`the stream ended before ${text}: ${shown}${told}`);
        shown += value;
      }
    },
    async end() {
      child.stdout.resume();
      const [status] = await closed;
      return { status, stderr: told };
    },
    cancel: () => child.kill(),
  };
}

const chat = 'parla.v1.ChatService';
const sessions = 'parla.v1.SessionService';

// A guest's name and token.
async function signIn(way) {
  const { session } = await curl(way, `${sessions}/SignInAsGuest`, { user: `curl-${++names}` });
  return [session.user.user, session.token];
}

for (const way of ways) {
  describe(way.name, { concurrency: true }, () => {
    test('one signs in, sends and reads', async () => {
      const [user, token] = await signIn(way);
      const request = { user, text: 'to myself' };
      await assert.rejects(curl(way, `${chat}/SendMessage`, request, token), /invalid_argument/);
      const room = { room: { room: `room-of-${user}` } };
      await curl(way, 'parla.v1.RoomService/CreateRoom', room, token);
      const message = { ...room.room, text: 'grüß dich 👋' };
      const sent = await curl(way, `${chat}/SendMessage`, message, token);
      assert.equal(sent.message.text, message.text);
      const read = await curl(way, `${chat}/ListMessages`, room.room, token);
      assert.deepEqual(read.messages, [sent.message]);
    });

    test('a stream is live, and ends with the session', async () => {
      const [, token] = await signIn(way);
      const stream = openStream(way, `${chat}/StreamMessages`, {}, token);
      await stream.until('"caughtUp"');
      const text = `live by ${way.name}`;
      await curl(way, `${chat}/SendMessage`, { room: 'lobby', text }, token);
      await stream.until(JSON.stringify(text));
      await curl(way, `${sessions}/SignOut`, {}, token);
      const { status, stderr } = await stream.end();
      assert.equal(status, 16 << 3, 'UNAUTHENTICATED');
      assert.match(stderr, /"code": *"unauthenticated"/);
    });

    test('a stream is cancelled', async () => {
      const [, token] = await signIn(way);
      const stream = openStream(way, `${chat}/StreamMessages`, {}, token);
      await stream.until('"caughtUp"');
      stream.cancel();
      await stream.end();
    });

    test('a refusal is understood, with its details', async () => {
      const wrong = curl(way, `${sessions}/SignInAsGuest`, { user: 'Not A Name' });
      await assert.rejects(wrong, (error) => {
        assert.match(error.stderr, /invalid_argument/);
        const { details } = JSON.parse(error.stderr);
        const info = details.find(({ type }) => type === 'google.rpc.ErrorInfo');
        assert.match(Buffer.from(info.value, 'base64').toString(), /FIELD_INVALID.*parla/s);
        return true;
      });
    });
  });
}

test('health is asked in the same way', async () => {
  for (const way of ways.filter(({ name }) => name.endsWith('reflection')))
    assert.deepEqual(await curl(way, 'grpc.health.v1.Health/Check', {}), { status: 'SERVING' });
});
