// The chat through `buf curl`, which knows no .proto file: it asks the server by reflection.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { root, startServer } from './server.mjs';

let server;

before(async () => {
  server = await startServer();
});

after(async () => {
  const { status, stderr } = await server.stop();
  assert.equal(status, 0, stderr);
});

// Calls a method; resolves to its answers, rejects with what buf says.
async function curl(method, request, token) {
  const args = ['curl', '--protocol', 'grpc', '--http2-prior-knowledge'];
  if (token) args.push('--header', `authorization: Bearer ${token}`);
  args.push('--data', JSON.stringify(request), `http://${server.address}/${method}`);
  const { stdout } = await promisify(execFile)(path.join(root, 'tools/buf'), args, {
    timeout: 60_000,
  });
  return JSON.parse(stdout);
}

test('one signs in, sends and reads without a .proto file', async () => {
  const { session } = await curl('parla.v1.SessionService/SignInAsGuest', { user: 'curl' });
  assert.equal(session.user.user, 'curl');
  const request = { room: 'lobby', text: 'from buf' };
  const sent = await curl('parla.v1.ChatService/SendMessage', request, session.token);
  assert.equal(sent.message.text, 'from buf');
  const read = await curl('parla.v1.ChatService/ListMessages', { room: 'lobby' }, session.token);
  assert.deepEqual(read.messages, [sent.message]);
});

test('a refusal is understood, with its details', async () => {
  const wrong = curl('parla.v1.SessionService/SignInAsGuest', { user: 'Not A Name' });
  await assert.rejects(wrong, (error) => {
    assert.match(error.stderr, /invalid_argument/);
    const { details } = JSON.parse(error.stderr);
    const info = details.find(({ type }) => type === 'google.rpc.ErrorInfo');
    assert.match(Buffer.from(info.value, 'base64').toString(), /FIELD_INVALID.*parla/s);
    return true;
  });
});

test('health is asked in the same way', async () => {
  assert.deepEqual(await curl('grpc.health.v1.Health/Check', {}), { status: 'SERVING' });
});
