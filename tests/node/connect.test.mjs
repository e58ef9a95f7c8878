// The chat through @connectrpc/connect-node: Connect, gRPC-Web and gRPC, on HTTP/1.1 and HTTP/2,
// in binary and JSON, with TLS and without, all on one port.
import { Code, ConnectError } from '@connectrpc/connect';
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { NodeGuest, contract, gzip, ways } from './connect.mjs';
import { makeCertificates, startServer } from './server.mjs';

const durabilities = contract.numbers('parla.v1.Durability');
const deliveries = contract.numbers('parla.v1.RoomDelivery');

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

const limit = { timeout: 120_000 }; // a hang

const fresh = (name) => `${name}-${++names}`;

// Runs the body with guests of a server, then closes them.
async function withGuests(server, way, more, body) {
  const guests = [];
  try {
    for (const name of ['ana', 'bob'])
      guests.push(await NodeGuest.signIn(server.address, fresh(name), way, more));
    await body(...guests);
  } finally {
    for (const guest of guests) guest.close();
  }
}

// A room with both in it.
async function meet(ana, bob, more = {}) {
  const room = fresh('room');
  await ana.rooms.createRoom({ room: { room, ...more } });
  await bob.rooms.joinRoom({ room });
  return room;
}

async function converse(ana, bob) {
  const room = await meet(ana, bob, { title: 'Grüße' });
  const items = bob.stream({ rooms: [room] });
  await items.next('caughtUp');
  const { message, durability } = await ana.send(room, 'grüß dich 👋');
  assert.equal(durability, durabilities.DURABILITY_SYNCED);
  const event = await items.next('event');
  assert.equal(event.kind.value.text, 'grüß dich 👋');
  assert.equal(event.sequence, message.sequence);
  assert.equal(typeof event.sequence, 'bigint');
  assert.equal(event.actor, ana.user.user);
  assert.deepEqual(event.createTime, message.createTime);

  const wanted = Array.from({ length: 50 }, (_, i) => `${i} ${'x'.repeat(i * 100)}`);
  for (const text of wanted) await ana.send(room, text);
  assert.deepEqual(await items.texts(50), wanted);
  const { messages } = await bob.chat.listMessages({ room, ascending: true, pageSize: 100 });
  assert.deepEqual(messages.map(({ text }) => text), ['grüß dich 👋', ...wanted]);
  assert.deepEqual(messages[0].createTime, message.createTime);
}

async function work(ana, bob) {
  const room = await meet(ana, bob, { delivery: deliveries.ROOM_DELIVERY_ONE });
  const taker = new AbortController();
  const first = bob.take(room, { signal: taker.signal });
  await ana.send(room, 'help!');
  assert.equal((await first.next('taken')).attempt, 1);
  taker.abort();
  await assert.rejects(first.next('taken'), { code: Code.Canceled });
  const { message, attempt, lease } = await bob.take(room).next('taken');
  assert.equal(message.text, 'help!');
  assert.equal(attempt, 2);
  await bob.chat.ackMessage({ room, sequence: message.sequence, lease });
}

async function refusals(ana, server, way) {
  const name = (error) => {
    assert.ok(error instanceof ConnectError, String(error));
    return Code[error.code];
  };
  await assert.rejects(ana.send('lobby', ''), (error) => {
    assert.equal(name(error), 'InvalidArgument');
    const [info] = error.findDetails(contract.schema('google.rpc.ErrorInfo'));
    assert.equal(info.domain, 'parla');
    assert.equal(info.reason, 'FIELD_INVALID');
    const [bad] = error.findDetails(contract.schema('google.rpc.BadRequest'));
    assert.equal(bad.fieldViolations[0].field, 'text');
    return true;
  });
  await assert.rejects(ana.rooms.getRoom({ room: 'nö – %41 "quoted"' }), (error) => {
    assert.notEqual(error.rawMessage, '');
    assert.match(name(error), /NotFound|InvalidArgument/);
    return true;
  });
  const search = ana.chat.searchMessages({ query: 'x' });
  await assert.rejects(search, (error) => name(error) === 'Unimplemented');

  const stranger = new NodeGuest(server.address, way);
  const isStrange = (error) => name(error) === 'Unauthenticated';
  await assert.rejects(stranger.send('lobby', 'x'), isStrange);
  await assert.rejects(stranger.stream().next('event'), isStrange);
  stranger.close();
}

async function ends(ana, bob) {
  const items = bob.stream({}, { timeoutMs: 50 });
  await assert.rejects(items.next('heartbeat'), { code: Code.DeadlineExceeded });

  const controller = new AbortController();
  const cancelled = bob.stream({}, { signal: controller.signal });
  await cancelled.next('caughtUp');
  const next = cancelled.next('heartbeat');
  controller.abort();
  await assert.rejects(next, { code: Code.Canceled });

  const last = bob.stream();
  await last.next('caughtUp');
  await bob.sessions.signOut({});
  await assert.rejects(last.next('event'), { code: Code.Unauthenticated });
  assert.equal((await ana.users.getUser({})).user.user, ana.user.user);
}

// What has no side effects is asked with GET.
async function get(ana, server, way) {
  const guest = new NodeGuest(server.address, way, { useHttpGet: true });
  guest.token = ana.token;
  const methods = [];
  guest.connection.onRequest((method) => methods.push(method));
  await guest.send('lobby', 'grüß dich 👋 & +?%=');
  const { messages } = await guest.chat.listMessages({ room: 'lobby', pageSize: 1 });
  assert.equal(messages[0].text, 'grüß dich 👋 & +?%=');
  assert.equal((await guest.users.getUser({})).user.user, ana.user.user);
  await assert.rejects(guest.users.getUser({ user: 'nobody' }), { code: Code.NotFound });
  assert.deepEqual(methods, ['POST', 'GET', 'GET', 'GET']);
  guest.close();
}

for (const way of ways) {
  for (const secure of [false, true]) {
    describe(`${way.name}${secure ? ', TLS' : ''}`, () => {
      const chat = (name, body, more = {}) => test(name, limit, async () => {
        const server = secure ? secured : plain;
        const route = { ...way, ca: secure ? certificates.ca : undefined };
        await withGuests(server, route, more, (ana, bob) => body(ana, bob, server, route));
      });

      chat('a message reaches who streams the room', converse);
      chat('so it does with compressed requests', converse, gzip);
      chat('work goes to another when the first one goes away', work);
      chat('a refusal says why, with its details', (ana, bob, ...rest) => refusals(ana, ...rest));
      chat('calls end by timeout, by cancellation, with the session', ends);
      if (way.protocol === 'connect')
        chat('queries go by GET', (ana, bob, server, route) => get(ana, server, route));
      chat('health is asked', async (ana) => {
        assert.equal((await ana.health.check({})).status, 1);
      });
    });
  }
}
