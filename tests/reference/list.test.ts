// The list of charges: its pages, and the links from one to the next.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PAGE_SIZE, PAGE_SIZE_LIMIT } from '../../src/reference/parameters.ts';
import {
  type Answer,
  API,
  assertCommon,
  assertError,
  charge,
  newToken,
  read,
  rows,
  startApi,
  update,
} from './support.ts';

const api = await startApi();
const { url, path } = api;

/** A sandbox with so many charges; answers them as a list shows them, latest first. */
async function sandboxWith(count: number): Promise<{ token: string; charges: object[] }> {
  const token = await newToken(url);
  const charges: object[] = [];
  for (let index = 0; index < count; index += 1) {
    const { json } = await charge(url, { token, body: { amount: index + 1, currency: 'usd' } });
    charges.unshift(json);
  }
  return { token, charges };
}

/** Where the header `Link` says that the next page is. */
function nextLink({ headers }: Answer): string | undefined {
  return /<([^>]*)>; rel="next"/.exec(headers.get('link') ?? '')?.[1];
}

/** Follows `next` to the end. */
async function walk(token: string, first: string): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let path: string | undefined = first; path !== undefined; path = answers.at(-1)?.json.next) {
    answers.push(await read(url, token, path));
    assert.ok(answers.length < 100, 'it has no end');
  }
  return answers;
}

describe('the list of charges', () => {
  test('of a new sandbox is empty', async () => {
    const answer = await read(url, await newToken(url), `${API}/charges`);
    assert.deepEqual([answer.status, answer.text], [200, '{"data":[],"has_more":false}\n']);
    assert.equal(answer.headers.get('content-type'), 'application/json');
    assert.equal(nextLink(answer), undefined);
    assertCommon(answer);
  });

  for (const [count, query, sizes] of [
    [1, '', [1]],
    [PAGE_SIZE, '', [PAGE_SIZE]],
    [PAGE_SIZE + 1, '', [PAGE_SIZE, 1]],
    [5, '?limit=2', [2, 2, 1]],
    [4, '?limit=2', [2, 2]],
    [3, '?limit=1', [1, 1, 1]],
    [3, `?limit=${PAGE_SIZE_LIMIT}`, [3]],
    [PAGE_SIZE_LIMIT + 1, '?limit=100', [PAGE_SIZE_LIMIT, 1]],
  ] as const) {
    test(`with ${count} of them${query} has pages of ${sizes.join(', ')}, latest first`, async () => {
      const { token, charges } = await sandboxWith(count);
      const answers = await walk(token, `${API}/charges${query}`);
      assert.deepEqual(
        answers.flatMap(({ json }) => json.data),
        charges,
      );
      for (const [index, answer] of answers.entries()) {
        const last = index === sizes.length - 1;
        assert.equal(answer.status, 200);
        assert.deepEqual(Object.keys(answer.json), last ? ['data', 'has_more'] : ['data', 'has_more', 'next']);
        assert.deepEqual([answer.json.data.length, answer.json.has_more], [sizes[index], !last]);
        assert.equal(nextLink(answer), answer.json.next);
        if (!last) assert.match(answer.json.next, /^\/api\/charges\?limit=\d+&after=ch_[0-9a-f]{18}$/);
        assertCommon(answer);
      }
      assert.equal(answers.length, sizes.length);
    });
  }

  test('goes on where it ended, whatever has come meanwhile', async () => {
    const { token, charges } = await sandboxWith(4);
    const first = await read(url, token, `${API}/charges?limit=2`);
    const { json: late } = await charge(url, { token });
    const rest = await walk(token, first.json.next);
    assert.deepEqual([...first.json.data, ...rest.flatMap(({ json }) => json.data)], charges);
    assert.deepEqual((await read(url, token, `${API}/charges?limit=1`)).json.data, [late]);
  });

  test('takes its parameters in any order, and the id of any charge to go on after', async () => {
    const { token, charges } = await sandboxWith(3);
    const [, second, third] = charges as [object, { id: string }, object];
    const answer = await read(url, token, `${API}/charges?after=${second.id}&limit=7`);
    assert.deepEqual(answer.json, { data: [third], has_more: false });
  });

  test('has each charge once, and as it is now', async () => {
    const { token, charges } = await sandboxWith(2);
    const [latest] = charges as [{ id: string }];
    await update(url, latest.id, { token, body: { description: 'changed' } });
    const { json } = await read(url, token, `${API}/charges`);
    assert.deepEqual(json.data, [{ ...latest, description: 'changed' }, charges[1]]);
  });

  test('has nobody else’s, and does not go on after them', async () => {
    const [mine, theirs] = [await sandboxWith(2), await sandboxWith(2)];
    const [, foreign] = theirs.charges as [object, { id: string }];
    assert.deepEqual((await read(url, mine.token, `${API}/charges`)).json.data, mine.charges);
    const refused = await read(url, mine.token, `${API}/charges?after=${foreign.id}`);
    const detail = assertError(refused, 'CURSOR_UNKNOWN', { param: 'after' });
    const unknown = await read(url, mine.token, `${API}/charges?after=ch_000000000000000000`);
    // Nobody learns from the answer whether a foreign charge is there.
    assert.equal(detail.replace(foreign.id, 'ID'), unknown.json.detail.replace('ch_000000000000000000', 'ID'));
  });

  test('needs a token, and leaves no trace', async () => {
    const before = rows(path);
    assertError(await read(url, 'unknown', `${API}/charges?limit=0`), 'TOKEN_INVALID', { param: 'Authorization' });
    assert.deepEqual(rows(path), before);
  });
});

test('nothing was reported as the server’s own fault', () => {
  assert.deepEqual(api.reported, []);
});
