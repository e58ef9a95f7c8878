// Guests that talk to the server through @grpc/grpc-js.
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';
import path from 'node:path';
import { root } from './server.mjs';

const services = ['chat_service', 'room_service', 'session_service', 'user_service'];
const definition = loader.loadSync(
  [...services.map((name) => `parla/v1/${name}.proto`), 'google/rpc/status.proto',
    'google/rpc/error_details.proto'],
  {
    keepCase: true, longs: String, enums: String, defaults: true, oneofs: true,
    includeDirs: [path.join(root, 'proto')],
  },
);
const api = grpc.loadPackageDefinition(definition).parla.v1;

// A guest on a connection of its own.
export class Guest {
  constructor(address, token) {
    const options = { 'grpc.use_local_subchannel_pool': 1 };
    const credentials = grpc.credentials.createInsecure();
    this.clients = Object.fromEntries(
      ['ChatService', 'RoomService', 'SessionService', 'UserService'].map((name) => [
        name, new api[name](address, credentials, options),
      ]),
    );
    this.token = token;
    this.calls = [];
  }

  static async signIn(address, name) {
    const guest = new Guest(address);
    const { session } = await guest.call('SessionService', 'SignInAsGuest', { user: name });
    guest.token = session.token;
    guest.user = session.user;
    return guest;
  }

  metadata() {
    const metadata = new grpc.Metadata();
    if (this.token) metadata.set('authorization', `Bearer ${this.token}`);
    return metadata;
  }

  call(service, method, request = {}) {
    return new Promise((resolve, reject) => {
      const deadline = { deadline: Date.now() + 30_000 };
      this.clients[service][method](request, this.metadata(), deadline, (error, response) =>
        error ? reject(error) : resolve(response));
    });
  }

  send(room, text, more = {}) {
    return this.call('ChatService', 'SendMessage', { room, text, ...more });
  }

  // A server stream.
  open(method, request = {}) {
    const items = new Items(this.clients.ChatService[method](request, this.metadata()));
    this.calls.push(items);
    return items;
  }

  close() {
    for (const call of this.calls) call.cancel();
    for (const client of Object.values(this.clients)) client.close();
  }
}

// A server stream's items, read only when asked for.
class Items {
  constructor(call) {
    this.call = call;
    call.on('error', () => {}); // whoever asks for an item is told
    this.iterator = call[Symbol.asyncIterator]();
  }

  // The next item of a kind; others are passed over.
  async next(kind) {
    for (;;) {
      const { value, done } = await this.iterator.next();
      if (done) throw new Error(`the stream ended before ${kind}`);
      if (value.item === kind) return { cursor: value.cursor, [kind]: value[kind] };
    }
  }

  // The texts of the next so many messages.
  async texts(count) {
    const found = [];
    while (found.length < count) {
      const { event } = await this.next('event');
      if (event.kind === 'message_sent') found.push(event.message_sent.text);
    }
    return found;
  }

  cancel() {
    this.call.cancel();
  }
}

// ErrorInfo, BadRequest and the like of a refusal, by their names.
export function detailsOf(error) {
  const [packed] = error.metadata.get('grpc-status-details-bin');
  const status = definition['google.rpc.Status'].deserialize(packed);
  const details = {};
  for (const { type_url, value } of status.details) {
    const name = type_url.split('/')[1];
    details[name] = definition[name].deserialize(value);
  }
  return { status, details };
}
