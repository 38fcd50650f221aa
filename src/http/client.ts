import type { IncomingMessage } from 'node:http';
import { BlockList, isIP, isIPv6 } from 'node:net';

/** More hops than any chain of proxies has; a client may send as many as its headers hold. */
const HOPS_LIMIT = 20;

/** What each request came as, so that only who asks pays for the answer. */
const incomings = new WeakMap<Request, IncomingMessage>();

export function rememberClient(request: Request, incoming: IncomingMessage): void {
  incomings.set(request, incoming);
}

/**
 * Addresses and subnets (`127.0.0.1`, `10.0.0.0/8`, `fd00::/8`) of proxies whose `X-Forwarded-For` is believed.
 * @throws {TypeError} for what is neither; its message is the text.
 */
export function proxyList(texts: string[]): BlockList {
  const list = new BlockList();
  for (const text of texts) {
    const [, address = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    const width = family === 'ipv6' ? 128 : 32;
    if (isIP(address) === 0 || Number(bits ?? width) > width) throw new TypeError(text);
    list.addSubnet(address, Number(bits ?? width), family);
  }
  return list;
}

/**
 * Whom a request comes from, as far as an address tells: that of the connection; or, where that is a trusted proxy, the last one in
 * `X-Forwarded-For` that is not. Anybody can send that header, so nothing before it counts. Of an IPv6 address the first 64 bits, which is
 * what one customer of a provider has.
 * @returns undefined for a request that did not come through {@link listen}, or whose connection is gone.
 */
export function clientAddress(request: Request, trusted?: BlockList): string | undefined {
  let address = incomings.get(request)?.socket.remoteAddress;
  if (address === undefined) return undefined;
  const forwarded = request.headers.get('x-forwarded-for')?.split(',').slice(-HOPS_LIMIT) ?? [];
  while (trusted !== undefined && forwarded.length > 0 && isTrusted(trusted, address)) {
    const before = bare(forwarded.pop() as string);
    if (isIP(before) === 0) break;
    address = before;
  }
  return networkOf(address);
}

function isTrusted(trusted: BlockList, address: string): boolean {
  const plain = unmapped(address);
  return trusted.check(plain, isIPv6(plain) ? 'ipv6' : 'ipv4');
}

/** Without port, brackets and white space, as some proxies write it. */
function bare(text: string): string {
  return text
    .trim()
    .replace(/^\[([^\]]*)\](:\d+)?$/, '$1')
    .replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, '$1');
}

/** An IPv4 address that came over an IPv6 socket is an IPv4 address. */
function unmapped(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '').replace(/%.*$/, '');
}

function networkOf(address: string): string {
  const plain = unmapped(address);
  if (!isIPv6(plain)) return plain;
  // The URL parser writes every IPv6 address in one way (https://url.spec.whatwg.org/#concept-ipv6-serializer).
  const [head = '', tail] = new URL(`http://[${plain}]/`).hostname.slice(1, -1).split('::');
  const groups = head === '' ? [] : head.split(':');
  const behind = tail ? tail.split(':') : [];
  const all =
    tail === undefined ? groups : [...groups, ...Array(8 - groups.length - behind.length).fill('0'), ...behind];
  return `${all.slice(0, 4).join(':')}::/64`;
}
