// Whom a request comes from: the connection's address, or what a trusted proxy says.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { clientAddress, proxyList } from '../../src/http/client.ts';
import { listen } from '../../src/http/listen.ts';

async function addressFor(trusted: string[] | undefined, forwarded?: string): Promise<string> {
  const list = trusted && proxyList(trusted);
  const server = await listen((request) => new Response(clientAddress(request, list) ?? 'unknown'), '127.0.0.1', 0);
  try {
    const headers: Record<string, string> = forwarded === undefined ? {} : { 'X-Forwarded-For': forwarded };
    return await (await fetch(server.url, { headers })).text();
  } finally {
    await server.close();
  }
}

describe('the address of a client', () => {
  for (const [what, trusted, forwarded, address] of [
    ['is that of the connection', undefined, undefined, '127.0.0.1'],
    ['is not what anybody says', undefined, '192.0.2.1', '127.0.0.1'],
    ['is not what a stranger says', ['10.0.0.0/8'], '192.0.2.1', '127.0.0.1'],
    ['is that of the connection when the proxy says nothing', ['127.0.0.1'], undefined, '127.0.0.1'],
    ['is what a trusted proxy says', ['127.0.0.1'], '192.0.2.1', '192.0.2.1'],
    ['is what a proxy of a trusted subnet says', ['127.0.0.0/8'], '192.0.2.1', '192.0.2.1'],
    [
      'is the last that the proxy says, and not what was there before',
      ['127.0.0.1'],
      '6.6.6.6, 192.0.2.1',
      '192.0.2.1',
    ],
    ['is behind all trusted proxies', ['127.0.0.1', '10.0.0.0/8'], '6.6.6.6, 192.0.2.1, 10.1.2.3', '192.0.2.1'],
    [
      'is the first of trusted proxies when there is nobody before',
      ['127.0.0.1', '10.0.0.0/8'],
      '10.9.9.9',
      '10.9.9.9',
    ],
    ['may have a port', ['127.0.0.1'], '192.0.2.1:4711', '192.0.2.1'],
    ['is the proxy’s when what it says is no address', ['127.0.0.1'], 'unknown', '127.0.0.1'],
    ['is the proxy’s when what it says is empty', ['127.0.0.1'], '192.0.2.1,', '127.0.0.1'],
    ['is a customer’s network in IPv6', ['127.0.0.1'], '2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['is the same network in every spelling', ['127.0.0.1'], '[2001:0DB8:0001:2::6]:443', '2001:db8:1:2::/64'],
    ['may begin with zeros', ['127.0.0.1'], '::1', '0:0:0:0::/64'],
    ['may end with zeros', ['127.0.0.1'], '2001:db8::', '2001:db8:0:0::/64'],
    ['may have zeros in the middle', ['127.0.0.1'], '2001::5:6:7:8:9', '2001:0:0:5::/64'],
    ['is that of IPv4 over IPv6', ['127.0.0.1'], '::ffff:192.0.2.1', '192.0.2.1'],
    ['is behind a trusted proxy in IPv6', ['127.0.0.1', 'fd00::/8'], '192.0.2.1, fd00::7', '192.0.2.1'],
    ['is behind a trusted proxy in IPv4 over IPv6', ['127.0.0.1'], '192.0.2.1, ::ffff:127.0.0.1', '192.0.2.1'],
  ] as const) {
    test(what, async () => {
      assert.equal(await addressFor(trusted && [...trusted], forwarded), address);
    });
  }

  test('is not known for a request that came otherwise', () => {
    assert.equal(clientAddress(new Request('http://127.0.0.1/')), undefined);
  });
});

test('a proxy is an address or a subnet', () => {
  for (const text of ['', 'localhost', '10.0.0.0/33', 'fd00::/129', '10.0.0.0/', '10.0.0', '10.0.0.1/8/8', '1.2.3.4 '])
    assert.throws(() => proxyList([text]), new TypeError(text), text);
});
