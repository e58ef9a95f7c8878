// parlad as a process, for tests: started on a free port, stopped in order.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

const program = process.env.PARLAD ?? path.join(root, 'build/parlad');

// The contract, as the build that made the server has it.
export const descriptorsFile = path.join(path.dirname(program), 'proto/descriptors.pb');

// Starts a server on fresh data; resolves when it serves.
export async function startServer(...options) {
  const folder = await mkdtemp(path.join(tmpdir(), 'parla-node-'));
  const args = ['--listen', '127.0.0.1:0', '--data', path.join(folder, 'data'), ...options];
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'exit');
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));

  const lines = readline.createInterface({ input: child.stdout });
  const told = await Promise.race([once(lines, 'line'), exited]);
  const address = /^listening on (?:grpcs:\/\/)?([^ ]*)/.exec(told[0])?.[1];
  if (address === undefined) throw new Error(`parlad did not start:\n${stderr}`);

  return {
    address,
    // SIGTERM; resolves to the exit status and what was said on standard error.
    async stop() {
      child.kill('SIGTERM');
      const [status] = await exited;
      await rm(folder, { recursive: true });
      return { status, stderr };
    },
  };
}

// An authority and a certificate by it for localhost: the authority's text and file, the options
// of a server that has the certificate, and the files' end.
export async function makeCertificates() {
  const folder = await mkdtemp(path.join(tmpdir(), 'parla-node-'));
  execFileSync(path.join(root, 'tests/interop/make-certificates'), [folder], { stdio: 'pipe' });
  const caFile = path.join(folder, 'ca.pem');
  return {
    caFile,
    ca: await readFile(caFile),
    options: [
      '--tls-cert', path.join(folder, 'server.pem'), '--tls-key', path.join(folder, 'server.key'),
    ],
    remove: () => rm(folder, { recursive: true }),
  };
}
