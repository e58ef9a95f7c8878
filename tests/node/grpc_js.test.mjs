// The chat through @grpc/grpc-js: gRPC for Node.js, an implementation of its own.
import grpc from '@grpc/grpc-js';
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Guest, detailsOf } from './client.mjs';
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
  const items = bob.open('StreamMessages', { rooms: [room] });
  await items.next('caught_up');
  const { message, durability } = await ana.send(room, 'grüß dich 👋');
  assert.equal(durability, 'DURABILITY_SYNCED');
  const { event } = await items.next('event');
  assert.equal(event.message_sent.text, 'grüß dich 👋');
  assert.equal(event.sequence, message.sequence);
  assert.equal(event.actor, 'ana');
  items.cancel();
});

test('a stream goes on from its cursor', async () => {
  const room = await meet();
  const request = { rooms: [room], start: 'STREAM_START_BEGINNING' };
  const first = bob.open('StreamMessages', request);
  const { cursor } = await first.next('caught_up');
  first.cancel();
  const wanted = Array.from({ length: 50 }, (_, i) => `message ${i}`);
  for (const text of wanted) await ana.send(room, text);
  const second = bob.open('StreamMessages', { rooms: [room], cursor });
  assert.deepEqual(await second.texts(50), wanted);
  await second.next('caught_up');
  second.cancel();
});

test('sends under way at once keep their order', async () => {
  const room = await meet();
  const items = bob.open('StreamMessages', { rooms: [room] });
  await items.next('caught_up');
  const wanted = Array.from({ length: 200 }, (_, i) => `message ${i}`);
  await Promise.all(wanted.map((text) => ana.send(room, text)));
  assert.deepEqual(await items.texts(200), wanted);
  items.cancel();
});

test('a large stream that is read late is whole', async () => {
  const room = await meet();
  const items = bob.open('StreamMessages', { rooms: [room], start: 'STREAM_START_BEGINNING' });
  const wanted = Array.from({ length: 100 }, (_, i) => `${i} ${'x'.repeat(16_000)}`);
  await Promise.all(wanted.map((text) => ana.send(room, text)));
  assert.deepEqual(await items.texts(100), wanted);
  items.cancel();
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
  await assert.rejects(stranger.open('StreamMessages').next('event'), {
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
  const first = bob.open('TakeMessages', { room });
  await ana.send(room, 'help!');
  assert.equal((await first.next('taken')).taken.attempt, 1);
  const second = eve.open('TakeMessages', { room });
  first.cancel();
  const { taken } = await second.next('taken');
  assert.equal(taken.message.text, 'help!');
  assert.equal(taken.attempt, 2);
  const { sequence } = taken.message;
  await eve.call('ChatService', 'AckMessage', { room, sequence, lease: taken.lease });
  eve.close();
});

test('the end of a session ends its streams', async () => {
  const guest = await Guest.signIn(server.address, 'leaver');
  const items = guest.open('StreamMessages');
  await items.next('caught_up');
  await guest.call('SessionService', 'SignOut');
  await assert.rejects(items.next('event'), { code: grpc.status.UNAUTHENTICATED });
  guest.close();
});
