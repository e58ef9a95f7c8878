// The programs of the interop cases as processes, and the contract for @grpc/grpc-js.
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const parlad = process.env.PARLAD ?? path.resolve(here, '../../build/parlad');

const definition = loader.loadSync('grpc/testing/test.proto', {
  longs: String, enums: String, defaults: true, includeDirs: [path.join(here, 'proto')],
});

export const { TestService, UnimplementedService } =
  grpc.loadPackageDefinition(definition).grpc.testing;

// A payload of that many zeros.
export const zeros = (size) => ({ type: 'COMPRESSABLE', body: Buffer.alloc(size) });

// Starts parla-interop-server; it lies where parlad does.
export async function startServer(...options) {
  const program = path.join(path.dirname(parlad), 'parla-interop-server');
  const args = ['--listen', '127.0.0.1:0', ...options];
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'exit');
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));

  const lines = readline.createInterface({ input: child.stdout });
  const told = await Promise.race([once(lines, 'line'), exited]);
  const address = /^listening on (.*)$/.exec(told[0])?.[1];
  if (address === undefined) throw new Error(`the server did not start:\n${stderr}`);

  return {
    address,
    port: Number(address.slice(address.lastIndexOf(':') + 1)),
    // SIGTERM; resolves to the exit status and what was said on standard error.
    async stop() {
      child.kill('SIGTERM');
      const [status] = await exited;
      return { status, stderr };
    },
  };
}

// A CA and a server's certificate for localhost: the CA's text, the options for startServer(), and
// the files' end.
export async function makeCertificates() {
  const folder = await mkdtemp(path.join(tmpdir(), 'parla-interop-'));
  execFileSync(path.join(here, 'make-certificates'), [folder], { stdio: 'pipe' });
  return {
    ca: await readFile(path.join(folder, 'ca.pem')),
    options: [
      '--tls-cert', path.join(folder, 'server.pem'), '--tls-key', path.join(folder, 'server.key'),
    ],
    remove: () => rm(folder, { recursive: true }),
  };
}
