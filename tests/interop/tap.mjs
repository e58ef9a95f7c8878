// A relay between a client and a server over plain HTTP/2 that notes whether each gRPC message is
// compressed, which @grpc/grpc-js does not tell.
import { once } from 'node:events';
import net from 'node:net';

const PREFACE_SIZE = 24;
const HEAD_SIZE = 9; // RFC 9113, section 4.1
const DATA = 0;
const PADDED = 0x8;

// Cuts what one side sends into frames, and those into messages.
class Frames {
  constructor(note, skip) {
    this.note = note;
    this.skip = skip;
    this.bytes = Buffer.alloc(0);
    this.streams = new Map();
  }

  feed(data) {
    this.bytes = Buffer.concat([this.bytes, data]);
    if (this.bytes.length < this.skip) return;
    this.bytes = this.bytes.subarray(this.skip);
    this.skip = 0;
    while (this.bytes.length >= HEAD_SIZE) {
      const end = HEAD_SIZE + this.bytes.readUIntBE(0, 3);
      if (this.bytes.length < end) return;
      const frame = this.bytes.subarray(0, end);
      this.bytes = this.bytes.subarray(end);
      if (frame[3] === DATA) this.data(frame);
    }
  }

  data(frame) {
    const stream = frame.readUInt32BE(5);
    let payload = frame.subarray(HEAD_SIZE);
    if (frame[4] & PADDED) payload = payload.subarray(1, payload.length - payload[0]);
    let rest = Buffer.concat([this.streams.get(stream) ?? Buffer.alloc(0), payload]);
    while (rest.length >= 5 && rest.length >= 5 + rest.readUInt32BE(1)) {
      this.note(stream, rest[0] === 1);
      rest = rest.subarray(5 + rest.readUInt32BE(1));
    }
    this.streams.set(stream, rest);
  }
}

// A message is noted before it is passed on.
export async function startTap(port) {
  const noted = { requests: [], responses: [] };
  const sockets = new Set();
  let connections = 0;

  const relay = (from, to, side, connection, skip) => {
    const calls = new Map();
    const frames = new Frames((stream, compressed) => {
      if (!calls.has(stream)) {
        calls.set(stream, { connection, stream, compressed: [] });
        noted[side].push(calls.get(stream));
      }
      calls.get(stream).compressed.push(compressed);
    }, skip);
    sockets.add(from);
    from.setNoDelay(true);
    from.on('data', (data) => {
      frames.feed(data);
      to.write(data);
    });
    from.on('end', () => to.end());
    from.on('error', () => to.destroy()); // who is cut off sees it
    from.on('close', () => sockets.delete(from));
  };

  const listener = net.createServer((client) => {
    const server = net.connect(port, '127.0.0.1');
    connections += 1;
    relay(client, server, 'requests', connections, PREFACE_SIZE);
    relay(server, client, 'responses', connections, 0);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');

  return {
    address: `127.0.0.1:${listener.address().port}`,
    // Whether each message was compressed: a list for each call, in the order of the calls.
    compressed: (side) =>
      noted[side]
        .sort((a, b) => a.connection - b.connection || a.stream - b.stream)
        .map((call) => call.compressed),
    close() {
      for (const socket of sockets) socket.destroy();
      listener.close();
    },
  };
}
