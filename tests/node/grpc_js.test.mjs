// The chat through @grpc/grpc-js: gRPC for Node.js, an implementation of its own.
import grpc from '@grpc/grpc-js';
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Guest, detailsOf, next, texts } from './client.mjs';
import { startServer } from './server.mjs';

let server;
let ana;
let bob;
let rooms = 0;

before(async () => {
  server = await startServer();
  [ana, bob] = await Promise.all(['ana', 'bob'].map((name) => Guest.signIn(server.address, name)));
});

after(async () => {
  ana.close();
  bob.close();
  const { status, stderr } = await server.stop();
  assert.equal(status, 0, stderr);
  assert.doesNotMatch(stderr, /Sanitizer|runtime error|assertion/i);
});

// A room with both in it.
async function meet(more = {}) {
  const room = `room-${++rooms}`;
  await ana.call('RoomService', 'CreateRoom', { room: { room, ...more } });
  await bob.call('RoomService', 'JoinRoom', { room });
  return room;
}

test('a message reaches who streams the room', async () => {
  const room = await meet();
  const items = bob.open('StreamMessages', { rooms: [room] })[Symbol.asyncIterator]();
  await next(items, 'caught_up');
  const { message, durability } = await ana.send(room, 'grüß dich 👋');
  assert.equal(durability, 'DURABILITY_SYNCED');
  const { event } = await next(items, 'event');
  assert.equal(event.message_sent.text, 'grüß dich 👋');
  assert.equal(event.sequence, message.sequence);
  assert.equal(event.actor, 'ana');
  await items.return();
});

test('a stream goes on from its cursor', async () => {
  const room = await meet();
  const request = { rooms: [room], start: 'STREAM_START_BEGINNING' };
  const first = bob.open('StreamMessages', request)[Symbol.asyncIterator]();
  const { cursor } = await next(first, 'caught_up');
  await first.return();
  const wanted = Array.from({ length: 50 }, (_, i) => `message ${i}`);
  for (const text of wanted) await ana.send(room, text);
  const second = bob.open('StreamMessages', { rooms: [room], cursor })[Symbol.asyncIterator]();
  assert.deepEqual(await texts(second, 50), wanted);
  await next(second, 'caught_up');
  await second.return();
});

test('sends under way at once keep their order', async () => {
  const room = await meet();
  const items = bob.open('StreamMessages', { rooms: [room] })[Symbol.asyncIterator]();
  await next(items, 'caught_up');
  const wanted = Array.from({ length: 200 }, (_, i) => `message ${i}`);
  await Promise.all(wanted.map((text) => ana.send(room, text)));
  assert.deepEqual(await texts(items, 200), wanted);
  await items.return();
});

test('a large stream that is read late is whole', async () => {
  const room = await meet();
  const call = bob.open('StreamMessages', { rooms: [room], start: 'STREAM_START_BEGINNING' });
  call.pause();
  const wanted = Array.from({ length: 100 }, (_, i) => `${i} ${'x'.repeat(16_000)}`);
  await Promise.all(wanted.map((text) => ana.send(room, text)));
  const items = call[Symbol.asyncIterator]();
  assert.deepEqual(await texts(items, 100), wanted);
  await items.return();
});

test('a refusal says why', async () => {
  await assert.rejects(ana.send('lobby', ''), (error) => {
    assert.equal(error.code, grpc.status.INVALID_ARGUMENT);
    const { status, details } = detailsOf(error);
    assert.equal(status.code, grpc.status.INVALID_ARGUMENT);
    assert.equal(details['google.rpc.ErrorInfo'].domain, 'parla');
    assert.equal(details['google.rpc.ErrorInfo'].reason, 'FIELD_INVALID');
    assert.equal(details['google.rpc.BadRequest'].field_violations[0].field, 'text');
    return true;
  });
  const stranger = new Guest(server.address);
  await assert.rejects(stranger.send('lobby', 'x'), { code: grpc.status.UNAUTHENTICATED });
  await assert.rejects(next(stranger.open('StreamMessages')[Symbol.asyncIterator](), 'event'), {
    code: grpc.status.UNAUTHENTICATED,
  });
  stranger.close();
});

test('what is not there yet is unimplemented', async () => {
  const search = ana.call('ChatService', 'SearchMessages', { query: 'x' });
  await assert.rejects(search, { code: grpc.status.UNIMPLEMENTED });
});

test('work goes to another when the first one goes away', async () => {
  const room = await meet({ delivery: 'ROOM_DELIVERY_ONE' });
  const eve = await Guest.signIn(server.address, 'eve');
  await eve.call('RoomService', 'JoinRoom', { room });
  const first = bob.open('TakeMessages', { room })[Symbol.asyncIterator]();
  await ana.send(room, 'help!');
  assert.equal((await next(first, 'taken')).taken.attempt, 1);
  const second = eve.open('TakeMessages', { room })[Symbol.asyncIterator]();
  await first.return();
  const { taken } = await next(second, 'taken');
  assert.equal(taken.message.text, 'help!');
  assert.equal(taken.attempt, 2);
  const { sequence } = taken.message;
  await eve.call('ChatService', 'AckMessage', { room, sequence, lease: taken.lease });
  eve.close();
});

test('the end of a session ends its streams', async () => {
  const guest = await Guest.signIn(server.address, 'leaver');
  const items = guest.open('StreamMessages')[Symbol.asyncIterator]();
  await next(items, 'caught_up');
  await guest.call('SessionService', 'SignOut');
  await assert.rejects(next(items, 'event'), { code: grpc.status.UNAUTHENTICATED });
  guest.close();
});
