// Pages in Chromium that talk to the server: with @connectrpc/connect-web and with fetch().
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { chromium } from 'playwright-core';
import { NodeGuest } from './connect.mjs';
import { startSite } from './pages.mjs';
import { makeCertificates, startServer } from './server.mjs';

const launch = {
  executablePath: '/usr/bin/chromium',
  args: [
    '--disable-dev-shm-usage', '--disable-background-networking', '--disable-component-update',
    // Nobody but the servers of the tests is spoken to.
    '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
  ],
};

let certificates;
let site;
let browser;
let sharedPage;
const servers = {};
let names = 0;

before(async () => {
  certificates = await makeCertificates();
  site = await startSite();
  browser = await chromium.launch(launch);
  sharedPage = await openPage();
  const allow = ['--cors-origins', site.origin];
  servers.plain = await startServer(...allow);
  servers.secured = await startServer(...allow, ...certificates.options);
  servers.strict = await startServer();
});

after(async () => {
  await browser?.close();
  for (const server of Object.values(servers)) {
    const { status, stderr } = await server.stop();
    assert.equal(status, 0, stderr);
    assert.doesNotMatch(stderr, /Sanitizer|runtime error|assertion/i);
  }
  await site?.stop();
  await certificates?.remove();
});

const limit = { timeout: 120_000 }; // a hang

const fresh = (name) => `${name}-${++names}`;

// The site's page, in a profile of its own.
async function openPage() {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  await page.goto(site.origin);
  return page;
}

async function withPage(body) {
  const page = await openPage();
  try {
    await body(page);
  } finally {
    await page.context().close();
  }
}

// Notes the requests to a server, those that browsers make of themselves too, and the versions of
// HTTP in the answers.
async function watch(page, url) {
  const session = await page.context().newCDPSession(page);
  const requests = [];
  const versions = new Set();
  session.on('Network.requestWillBeSent', ({ request }) => {
    if (request.url.startsWith(url)) requests.push(request.method);
  });
  session.on('Network.responseReceived', ({ response }) => {
    if (response.url.startsWith(url)) versions.add(response.protocol);
  });
  await session.send('Network.enable');
  return { requests, versions, end: () => session.detach() };
}

// A guest in a page, as `guest` there.
const enter = (page, name, way) => page.evaluate(async ([name, way]) => {
  const web = await import('/tests/node/web.mjs');
  const guest = await web.signIn(name, way);
  Object.assign(globalThis, { web, guest });
}, [name, way]);

// Somebody who is not in a browser.
async function withFriend(server, body) {
  const ca = server === servers.secured ? certificates.ca : undefined;
  const way = { protocol: 'grpc', httpVersion: '2', format: 'binary', ca };
  const friend = await NodeGuest.signIn(server.address, fresh('friend'), way);
  try {
    await body(friend);
  } finally {
    friend.close();
  }
}

const isOnline = async (friend, name) => (await friend.users.getUser({ user: name })).user.online;

async function untilGone(friend, name) {
  while (await isOnline(friend, name));
}

async function converse(page, way, friend) {
  const name = fresh('page');
  await enter(page, name, way);
  const heard = friend.stream({ rooms: ['lobby'] });
  await heard.next('caughtUp');

  await page.evaluate(async () => {
    globalThis.stop = new AbortController();
    globalThis.items = guest.stream({ rooms: ['lobby'] }, { signal: stop.signal });
    await items.next('caughtUp');
  });
  for (const text of ['grüß dich 👋', 'x'.repeat(16_000)]) {
    const live = page.evaluate(async () => (await items.next('event')).kind.value.text);
    await friend.send('lobby', text);
    assert.equal(await live, text);
    assert.deepEqual(await heard.texts(1), [text]);
  }
  const said = `from ${way.protocol}`;
  const sequence = await page.evaluate(async (text) => {
    const { message } = await guest.send('lobby', text);
    const event = await items.next('event');
    if (event.sequence !== message.sequence) throw new Error('it is not the one that was sent');
    return String(event.sequence);
  }, said);
  const event = await heard.next('event');
  assert.deepEqual([event.kind.value.text, String(event.sequence)], [said, sequence]);

  assert.equal(await isOnline(friend, name), true);
  const code = await page.evaluate(async () => {
    const next = items.next('event');
    stop.abort();
    return next.then(() => 'an event', (error) => web.Code[error.code]);
  });
  assert.equal(code, 'Canceled');
  await untilGone(friend, name);
}

const refusals = (page) => page.evaluate(async () => {
  const codeOf = (promise) =>
    promise.then(() => 'Ok', (error) => [web.Code[error.code], error]);
  const [code, error] = await codeOf(guest.send('lobby', ''));
  const [info] = error.findDetails(web.contract.schema('google.rpc.ErrorInfo'));
  const late = guest.stream({}, { timeoutMs: 50 });
  const [timeout] = await codeOf(late.next('heartbeat'));
  const open = guest.stream();
  await open.next('caughtUp');
  await guest.sessions.signOut({});
  const [ended] = await codeOf(open.next('event'));
  return [code, info.reason, timeout, ended];
});

for (const [protocol, binary] of
  [['connect', true], ['connect', false], ['grpc-web', true], ['grpc-web', false]]) {
  for (const secure of [false, true]) {
    const version = secure ? 'h2' : 'http/1.1';
    describe(`${protocol}, ${binary ? 'binary' : 'JSON'}, ${version}`, () => {
      const chat = (name, body) => test(name, limit, async () => {
        const server = secure ? servers.secured : servers.plain;
        const url = `${secure ? 'https' : 'http'}://${server.address}`;
        const seen = await watch(sharedPage, url);
        await body(sharedPage, { url, protocol, binary }, server);
        assert.deepEqual([...seen.versions], [version]);
        await seen.end();
      });

      chat('messages are live, until the page has enough', async (page, way, server) => {
        await withFriend(server, (friend) => converse(page, way, friend));
      });

      chat('a refusal says why; timeouts and sessions end streams', async (page, way) => {
        await enter(page, fresh('page'), way);
        assert.deepEqual(await refusals(page),
          ['InvalidArgument', 'FIELD_INVALID', 'DeadlineExceeded', 'Unauthenticated']);
      });
    });
  }
}

for (const kind of ['plain', 'secured']) {
  test(`a page that is closed has no streams, ${kind}`, limit, async () => {
    const server = servers[kind];
    const url = `${kind === 'plain' ? 'http' : 'https'}://${server.address}`;
    const name = fresh('page');
    await withFriend(server, async (friend) => {
      await withPage(async (page) => {
        await enter(page, name, { url, protocol: 'connect', binary: true });
        await page.evaluate(() => guest.stream().next('caughtUp'));
        assert.equal(await isOnline(friend, name), true);
      });
      await untilGone(friend, name);
    });
  });
}

test('whether a page may call is asked once', limit, () => withPage(async (page) => {
  const url = `http://${servers.plain.address}`;
  const { requests } = await watch(page, url);
  await enter(page, fresh('page'), { url, protocol: 'connect', binary: false });
  await page.evaluate(async () => {
    for (let i = 0; i < 3; i++) await guest.send('lobby', `message ${i}`);
  });
  const count = (wanted) => requests.filter((method) => method === wanted).length;
  assert.equal(count('POST'), 4);
  assert.equal(count('OPTIONS'), 2, 'one for each method');
}));

test('queries go by GET', limit, () => withPage(async (page) => {
  const url = `http://${servers.plain.address}`;
  const { requests } = await watch(page, url);
  const way = { url, protocol: 'connect', binary: true, useHttpGet: true };
  const name = fresh('page');
  await enter(page, name, way);
  const found = await page.evaluate(async () => (await guest.users.getUser({})).user.user);
  assert.equal(found, name);
  assert.ok(requests.includes('GET'), requests.join());
}));

for (const format of ['text', 'binary']) {
  test(`grpc-web's own client, ${format}`, limit, async () => {
    const url = `http://${servers.plain.address}`;
    const name = fresh('page');
    const found = await sharedPage.evaluate(async ([url, user, format]) => {
      const { call, stream } = await import('/tests/node/grpc_web.mjs');
      const { session } = await call(url, format, 'SessionService/SignInAsGuest', { user });
      const who = { authorization: `Bearer ${session.token}` };
      const wrong = await call(url, format, 'ChatService/SendMessage', {}, who)
        .then(() => 0, ({ code, message }) => [code, message !== '']);
      const items = stream(url, 'ChatService/StreamMessages', {}, who);
      await items.until((item) => item.item.case === 'caughtUp');
      const target = { case: 'room', value: 'lobby' };
      await call(url, format, 'ChatService/SendMessage', { target, text: 'grüß dich 👋' }, who);
      const { item } = await items.until(({ item }) => item.case === 'event');
      await call(url, format, 'SessionService/SignOut', {}, who);
      return [session.user.user, wrong, item.value.kind.value.text, await items.end];
    }, [url, name, format]);
    assert.deepEqual(found, [name, [3, true], 'grüß dich 👋', 16]);
  });
}

// The README's request, by fetch().
const fetchSession = (page, url, name) => page.evaluate(async ([url, user]) => {
  try {
    const response = await fetch(`${url}/parla.v1.SessionService/SignInAsGuest`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ user }),
    });
    return [response.status, await response.json()];
  } catch (error) {
    return String(error);
  }
}, [url, name]);

test('fetch() needs no library', limit, () => withPage(async (page) => {
  const url = `http://${servers.plain.address}`;
  const name = fresh('page');
  const [status, { session }] = await fetchSession(page, url, name);
  assert.equal(status, 200);
  assert.equal(session.user.user, name);
  const [refused, { code }] = await fetchSession(page, url, 'Not A Name');
  assert.deepEqual([refused, code], [400, 'invalid_argument']);
}));

test('a page that may not call is held back by the browser', limit, () => withPage(async (page) => {
  const url = `http://${servers.strict.address}`;
  const name = fresh('page');
  assert.match(await fetchSession(page, url, name), /Failed to fetch/);
  const refused = await enter(page, name, { url, protocol: 'grpc-web', binary: true })
    .then(() => '', String);
  assert.match(refused, /Failed to fetch/);
  // What browsers send without asking is not taken.
  const opaque = await page.evaluate(async ([url, user]) => {
    const init = { method: 'POST', mode: 'no-cors', body: JSON.stringify({ user }) };
    return (await fetch(`${url}/parla.v1.SessionService/SignInAsGuest`, init)).type;
  }, [url, name]);
  assert.equal(opaque, 'opaque');
  await withFriend(servers.strict, async (friend) => {
    await assert.rejects(friend.users.getUser({ user: name }), /not_found/);
  });
}));

test("the server's own pages may call", limit, () => withPage(async (page) => {
  const url = `http://${servers.strict.address}`;
  await page.goto(`${url}/healthz`);
  const name = fresh('own');
  const [status, { session }] = await fetchSession(page, url, name);
  assert.deepEqual([status, session.user.user], [200, name]);
}));
