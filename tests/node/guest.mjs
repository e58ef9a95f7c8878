// A guest of the chat on a transport of @connectrpc/connect: in Node.js and in browsers.
import { createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { createClient } from '@connectrpc/connect';

// The contract, from the descriptors that the build made.
export class Contract {
  constructor(descriptors) {
    this.registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));
  }

  // What a message is made of: schema('google.rpc.ErrorInfo').
  schema(name) {
    return this.registry.getMessage(name);
  }

  // The numbers of an enum's values, by their names.
  numbers(name) {
    return Object.fromEntries(
      this.registry.getEnum(name).values.map(({ name, number }) => [name, number]));
  }

  service(name) {
    return this.registry.getService(name);
  }
}

export class Guest {
  // `connect` makes a transport that has these interceptors.
  constructor(contract, connect) {
    this.calls = new AbortController();
    const transport = connect([(next) => (request) => {
      if (this.token) request.header.set('authorization', `Bearer ${this.token}`);
      return next(request);
    }]);
    const client = (name) => createClient(contract.service(name), transport);
    this.chat = client('parla.v1.ChatService');
    this.rooms = client('parla.v1.RoomService');
    this.sessions = client('parla.v1.SessionService');
    this.users = client('parla.v1.UserService');
    this.health = client('grpc.health.v1.Health');
  }

  async signIn(name) {
    const { session } = await this.sessions.signInAsGuest({ user: name });
    this.token = session.token;
    this.user = session.user;
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
