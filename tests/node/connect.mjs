// Guests that talk to the server through @connectrpc/connect-node: any of its protocols, on either
// HTTP, in either format.
import {
  compressionGzip, createConnectTransport, createGrpcTransport, createGrpcWebTransport,
  Http2SessionManager,
} from '@connectrpc/connect-node';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { Contract, Guest } from './guest.mjs';
import { descriptorsFile } from './server.mjs';

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

// Options of a transport that compresses requests.
export const gzip = { sendCompression: compressionGzip, compressMinBytes: 0 };

export const contract = new Contract(readFileSync(descriptorsFile));

// Node's agent sets noDelay on plain connections only; without it a request's body waits until its
// head is acknowledged.
class SecureAgent extends https.Agent {
  createConnection(...args) {
    return super.createConnection(...args).setNoDelay(true);
  }
}

// A connection, over TLS if there is an authority (`ca`).
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

// A guest on a connection of its own.
export class NodeGuest extends Guest {
  // `more`: options of the transport.
  constructor(address, way, more = {}) {
    const connection = new Connection(address, way);
    super(contract, (interceptors) => create[way.protocol]({
      ...connection.options,
      useBinaryFormat: way.format === 'binary',
      jsonOptions: { ignoreUnknownFields: false },
      interceptors,
      ...more,
    }));
    this.connection = connection;
  }

  static async signIn(address, name, way, more) {
    const guest = new NodeGuest(address, way, more);
    await guest.signIn(name);
    return guest;
  }

  close() {
    super.close();
    this.connection.close();
  }
}
