// A small web site for browsers: one page, and the modules and descriptors that scripts in it need.
// Browsers load the npm packages as they are, by an import map.
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { once } from 'node:events';
import http from 'node:http';
import path from 'node:path';
import { descriptorsFile, root } from './server.mjs';

const packages = ['@bufbuild/protobuf', '@connectrpc/connect', '@connectrpc/connect-web'];

// Where each of the packages' modules lies: by what their package.json says of `import`.
function importMap() {
  const imports = {};
  for (const name of packages) {
    const folder = `node_modules/${name}`;
    const { exports } = JSON.parse(readFileSync(path.join(root, folder, 'package.json')));
    for (const [key, value] of Object.entries(exports))
      imports[path.posix.join(name, key)] = `/${path.posix.join(folder, value.import)}`;
  }
  return JSON.stringify({ imports: { ...imports, 'grpc-web': '/grpc-web.mjs' } });
}

// grpc-web is a CommonJS module.
const grpcWeb = [
  'const exports = {};', 'const module = { exports };',
  readFileSync(path.join(root, 'node_modules/grpc-web/index.js'), 'utf8'),
  'export default module.exports;',
].join('\n');

const page = `<!doctype html>
<meta charset="utf-8">
<link rel="icon" href="data:,">
<title>A page of somebody else's</title>
<script type="importmap">${importMap()}</script>
`;

async function answer(url) {
  const { pathname } = new URL(url, 'http://localhost');
  if (pathname === '/') return ['text/html', page];
  if (pathname === '/descriptors.pb')
    return ['application/octet-stream', await readFile(descriptorsFile)];
  if (pathname === '/grpc-web.mjs') return ['text/javascript', grpcWeb];
  if (/^\/(tests\/node|node_modules)\/.*\.m?js$/.test(pathname))
    return ['text/javascript', await readFile(path.join(root, pathname))];
  throw new Error(`there is no ${pathname}`);
}

// Resolves to the site's origin, and what ends it.
export async function startSite() {
  const site = http.createServer((request, response) => {
    answer(request.url).then(
      ([type, body]) => response.setHeader('content-type', type).end(body),
      (error) => response.writeHead(404).end(String(error)),
    );
  });
  await once(site.listen(0, '127.0.0.1'), 'listening');
  return {
    origin: `http://127.0.0.1:${site.address().port}`,
    async stop() {
      site.close();
      await once(site, 'close');
    },
  };
}
