import { createHash } from 'node:crypto';
import type { Script } from '../../idempotency/stores/redis-scripts.ts';

/**
 * What is kept in Redis, below the prefix of a ledger:
 *
 *     sandboxes                 sorted set   ids by the time at which they expire: what is cleared up
 *     token:<SHA-256 of it>     string       {"id":…,"dialect":…,"expiresMs":…}
 *     sandbox:<id>              string       name of the sandbox's token above; while it is there, the sandbox is
 *     charges:<sandbox>         hash         charge id: {"id":…,"amount":…,"currency":…,"description":…,"created_at":…}
 *     descriptions:<sandbox>    hash         charge id: a later description, as JSON
 *     order:<sandbox>           list         charge ids as they came
 *     quota:<bucket>            string       <spent> <end of the window>, with an expiry of Redis' own
 *
 * Each script has the time as its first argument, or nothing for the server's.
 */
const PRELUDE = `
local function clock()
  local time = redis.call('TIME')
  return tonumber(ARGV[1]) or tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local function number(value) return string.format('%.0f', value) end
`;

function script(source: string): Script {
  const whole = PRELUDE + source;
  return { source: whole, sha1: createHash('sha1').update(whole).digest('hex') };
}

/** KEYS: sandboxes, token, sandbox. ARGV: time, id, dialect, lifetime. @returns when it expires. */
export const MAKE_SANDBOX = script(`
local expires = clock() + tonumber(ARGV[4])
local members = cjson.encode({ id = ARGV[2], dialect = ARGV[3] })
redis.call('SET', KEYS[2], string.sub(members, 1, -2) .. ',"expiresMs":' .. number(expires) .. '}')
redis.call('SET', KEYS[3], KEYS[2])
redis.call('ZADD', KEYS[1], number(expires), ARGV[2])
return { { ok = 'made' }, expires }
`);

/** KEYS: token. @returns the time, and the sandbox as JSON or nothing. */
export const FIND_SANDBOX = script(`
return { { ok = 'found' }, clock(), redis.call('GET', KEYS[1]) }
`);

/** KEYS: charges, descriptions. ARGV: time, id. @returns charge and later description, or nothing. */
export const FIND_CHARGE = script(`
return { { ok = 'found' }, redis.call('HGET', KEYS[1], ARGV[2]), redis.call('HGET', KEYS[2], ARGV[2]) }
`);

/**
 * KEYS: order, charges, descriptions. ARGV: time, limit, and the id of the last charge before, if there is one.
 * @returns whether there are more, then charge and later description of each, latest first.
 */
export const LIST_CHARGES = script(`
local behind = redis.call('LLEN', KEYS[1])
if ARGV[3] then
  behind = redis.call('LPOS', KEYS[1], ARGV[3], 'RANK', -1)
  if not behind then return { { ok = 'unknown' } } end
end
local first = math.max(0, behind - tonumber(ARGV[2]))
local page = { { ok = 'page' }, first > 0 and 1 or 0 }
local ids = behind > 0 and redis.call('LRANGE', KEYS[1], first, behind - 1) or {}
for index = #ids, 1, -1 do
  page[#page + 1] = redis.call('HGET', KEYS[2], ids[index])
  page[#page + 1] = redis.call('HGET', KEYS[3], ids[index])
end
return page
`);

/** KEYS: quota. ARGV: time, amount, length of the window. @returns what is spent, and when the window ends, from now. */
export const SPEND = script(`
local now, window = clock(), tonumber(ARGV[3])
local spent, ends = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+) (%d+)$')
spent, ends = tonumber(spent or 0), tonumber(ends or 0)
if ends <= now then spent, ends = 0, now + window end
spent = spent + tonumber(ARGV[2])
redis.call('SET', KEYS[1], number(spent) .. ' ' .. number(ends), 'PX', number(ends - now))
return { { ok = 'spent' }, spent, ends - now }
`);

/**
 * KEYS: sandboxes. ARGV: time, the most sandboxes to clear up, prefix. Redis frees what is unlinked beside its work, so that it does not
 * matter how many charges there are.
 */
export const CLEAR_UP = script(`
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', number(clock()), 'LIMIT', 0, ARGV[2])
for _, id in ipairs(ids) do
  local sandbox = ARGV[3] .. 'sandbox:' .. id
  local token = redis.call('GET', sandbox)
  if token then redis.call('UNLINK', token) end
  redis.call('UNLINK', sandbox, ARGV[3] .. 'charges:' .. id, ARGV[3] .. 'descriptions:' .. id, ARGV[3] .. 'order:' .. id)
  redis.call('ZREM', KEYS[1], id)
end
return { { ok = 'cleared' }, #ids }
`);
