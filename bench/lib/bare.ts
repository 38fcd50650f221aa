// A server that answers everything with one answer of another server: `bare.ts PORT '["URL", {HEADER: VALUE}]'`.
import { createServer, get, type IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';

/** Fields that Node writes by itself. */
const OWN = ['date', 'connection', 'keep-alive'];

const [port, model] = process.argv.slice(2) as [string, string];
const [url, headers] = JSON.parse(model) as [string, Record<string, string>];
const response = await new Promise<IncomingMessage>((resolve, reject) => {
  get(url, { headers }, resolve).on('error', reject);
});
const body = await buffer(response);
const status = response.statusCode ?? 200;
const fields: Record<string, string> = {};
for (let index = 0; index < response.rawHeaders.length; index += 2) {
  const name = response.rawHeaders[index] as string;
  if (!OWN.includes(name.toLowerCase())) fields[name] = response.rawHeaders[index + 1] as string;
}
const server = createServer((_, answer) => {
  answer.writeHead(status, fields);
  if (body.length > 0) answer.end(body);
  else answer.end();
});
server.listen(Number(port), '127.0.0.1', () => console.log(`http://127.0.0.1:${port}/`));
