// The contract for @bufbuild/protobuf, from the descriptors that the build made.
import { createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { program } from './server.mjs';

export const descriptors = readFileSync(
  path.join(path.dirname(program), 'proto/descriptors.pb'));

const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));

// What a message or an enum is made of: schema('google.rpc.ErrorInfo').
export const schema = (name) => registry.getMessage(name) ?? registry.getEnum(name);

export const [ChatService, RoomService, SessionService, UserService] = [
  'ChatService', 'RoomService', 'SessionService', 'UserService',
].map((name) => registry.getService(`parla.v1.${name}`));

export const Health = registry.getService('grpc.health.v1.Health');
