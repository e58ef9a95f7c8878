// Guests that talk to the server through @connectrpc/connect: any of its protocols, on either
// HTTP, in either format.
import { createClient } from '@connectrpc/connect';
import {
  compressionGzip, createConnectTransport, createGrpcTransport, createGrpcWebTransport,
  Http2SessionManager,
} from '@connectrpc/connect-node';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import http from 'node:http';
import https from 'node:https';
import { ChatService, Health, RoomService, SessionService, UserService } from './contract.mjs';

const create = {
  connect: createConnectTransport,
  grpc: createGrpcTransport,
  'grpc-web': createGrpcWebTransport,
};

// Each way to talk. gRPC needs HTTP/2's trailers.
export const ways = ['connect', 'grpc-web', 'grpc'].flatMap((protocol) =>
  (protocol === 'grpc' ? ['2'] : ['1.1', '2']).flatMap((httpVersion) =>
    ['binary', 'JSON'].map((format) => ({
      name: `${protocol}, HTTP/${httpVersion}, ${format}`, protocol, httpVersion, format,
    }))));

// Node's agent sets noDelay on plain connections only; without it a request's body waits until its
// head is acknowledged.
class SecureAgent extends https.Agent {
  createConnection(...args) {
    return super.createConnection(...args).setNoDelay(true);
  }
}

// A connection of its own, over TLS if there is an authority (`ca`).
class Connection {
  constructor(address, { httpVersion, ca }) {
    this.url = `${ca ? 'https' : 'http'}://${address}`;
    if (httpVersion === '2') {
      this.sessions = new Http2SessionManager(this.url, {}, { ca });
      this.options = { baseUrl: this.url, httpVersion, sessionManager: this.sessions };
    } else {
      this.agent = new (ca ? SecureAgent : http.Agent)({ keepAlive: true, ca });
      this.options = { baseUrl: this.url, httpVersion, nodeOptions: { agent: this.agent } };
    }
  }

  // Tells the method, GET or POST, of each request from now on.
  onRequest(tell) {
    if (this.sessions) {
      const { request } = this.sessions;
      this.sessions.request = (method, ...rest) => {
        tell(method);
        return request.call(this.sessions, method, ...rest);
      };
    } else {
      const requests = new Set(); // Node tells of a request without a body twice
      this.told = ({ request }) => {
        if (request.agent === this.agent && !requests.has(request)) tell(request.method);
        requests.add(request);
      };
      subscribe('http.client.request.start', this.told);
    }
  }

  close() {
    if (this.told) unsubscribe('http.client.request.start', this.told);
    this.sessions?.abort();
    this.agent?.destroy();
  }
}

export class Guest {
  // `more`: options of the transport.
  constructor(address, way, more = {}) {
    this.connection = new Connection(address, way);
    this.calls = new AbortController();
    const transport = create[way.protocol]({
      ...this.connection.options,
      useBinaryFormat: way.format === 'binary',
      jsonOptions: { ignoreUnknownFields: false },
      interceptors: [(next) => (request) => {
        if (this.token) request.header.set('authorization', `Bearer ${this.token}`);
        return next(request);
      }],
      ...more,
    });
    [this.chat, this.rooms, this.sessions, this.users, this.health] =
      [ChatService, RoomService, SessionService, UserService, Health].map((service) =>
        createClient(service, transport));
  }

  static async signIn(address, name, way, more) {
    const guest = new Guest(address, way, more);
    const { session } = await guest.sessions.signInAsGuest({ user: name });
    guest.token = session.token;
    guest.user = session.user;
    return guest;
  }

  send(room, text, more = {}) {
    return this.chat.sendMessage({ target: { case: 'room', value: room }, text, ...more });
  }

  stream(request = {}, options = {}) {
    return new Items(this.chat.streamMessages(request, { signal: this.calls.signal, ...options }));
  }

  take(room, options = {}) {
    return new Items(this.chat.takeMessages({ room }, { signal: this.calls.signal, ...options }));
  }

  close() {
    this.calls.abort();
    this.connection.close();
  }
}

// A server stream's items, read only when asked for.
class Items {
  constructor(call) {
    this.iterator = call[Symbol.asyncIterator]();
  }

  // The next item of a kind; others are passed over.
  async next(kind) {
    for (;;) {
      const { value, done } = await this.iterator.next();
      if (done) throw new Error(`the stream ended before ${kind}`);
      if (value.item.case === kind) return value.item.value;
    }
  }

  // The texts of the next so many messages.
  async texts(count) {
    const found = [];
    while (found.length < count) {
      const { kind } = await this.next('event');
      if (kind.case === 'messageSent') found.push(kind.value.text);
    }
    return found;
  }
}

export const gzip = { sendCompression: compressionGzip, compressMinBytes: 0 };
