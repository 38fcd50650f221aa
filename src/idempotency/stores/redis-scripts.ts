import { createHash } from 'node:crypto';
import { ABANDONED_MS } from '../record.ts';

/**
 * What is kept in Redis, below the prefix of a store:
 *
 *     meta                          string   version of this format, last token
 *     record:["principal","key"]    string   one record, with an expiry of Redis' own
 *
 * A record is lines of text, because one string is read and written in a fraction of the time that a hash with its fields takes:
 *
 *     running <token> <expires> <lease ends> <lease> <first seen>        completed <token> <expires> 0 0 <first seen>
 *     "<fingerprint>"                                                    "<fingerprint>"
 *     {"method":…,"path":…,"requestId":…}                                {"method":…,"path":…,"requestId":…}
 *     "<phase>" "<result>"       any number, as reached                  <status>
 *                                                                        [["Content-Type","…"],…]
 *     failed <…the same…>                                                <body: all bytes that follow>
 *     <what went wrong half-way; see `execute` below>
 *
 * Every verb is one script, which Redis executes while nobody else does anything. Its arguments:
 *
 *     KEYS: record (of a script for many: meta, records)     ARGV[1]: the time, or nothing for the server's     ARGV[2…]: the verb's own
 */

/** Of the format above. */
const VERSION = 1;

/**
 * How much later than by our reckoning Redis forgets a record by itself, so that ours decides to the millisecond: a minute, because both
 * clocks are the server's. Milliseconds.
 */
const GRACE_MS = 60 * 1000;

const CLOCK = `
local recordKey = KEYS[1]

local function clock()
  local time = redis.call('TIME')
  local micros = tonumber(time[1]) * 1000000 + tonumber(time[2])
  return tonumber(ARGV[1]) or math.floor(micros / 1000), micros
end
`;

const WRITE = `
local function headOf(state, token, expires, lease_ends, lease, first_seen)
  return string.format('%s %s %d %d %d %s\\n', state, token, expires, lease_ends, lease, first_seen)
end

-- How long Redis is to keep a record, as SET takes it.
local function kept(keep)
  return string.format('%d', keep + ${GRACE_MS})
end
`;

const PRELUDE = String.raw`${CLOCK}${WRITE}
local ABANDONED = ${ABANDONED_MS}
local HEAD = '^(%l+) (%d+) (%S+) (%S+) (%S+) (%S+)\n()'

-- Where the line ends that begins at a position.
local function lineEnd(text, from)
  return string.find(text, '\n', from, true)
end

-- Where the two lines end that say which request it is.
local function identityEnd(record, from)
  return lineEnd(record, lineEnd(record, from) + 1)
end

-- The fence: the record, if the claim with this token is the current one.
local function owned(token)
  local record = redis.call('GET', recordKey)
  if not record then return end
  local state, current, _, _, _, first_seen, from = string.match(record, HEAD)
  if state == 'running' and current == token then return record, from, first_seen end
end

local function write(state, token, now, keep, lease_ends, lease, first_seen, rest)
  redis.call('SET', recordKey, headOf(state, token, now + keep, lease_ends, lease, first_seen) .. rest, 'PX', kept(keep))
end

local function start(token, now, lease, first_seen, rest)
  write('running', token, now, lease + ABANDONED, now + lease, lease, first_seen, rest)
end
`;

/**
 * What an effect has collected is in ARGV from `at` on:
 *
 *     how many conditions, of each: comparison · value · how many words · the words of a command that reads
 *     how many commands, of each: how many words · the words
 *
 *     conditions ─┬─ one does not hold ► unmet: nothing was done
 *                 └─ commands ─┬─ the first fails ► failed: nothing was done
 *                              ├─ a later one fails ► failed, and Redis undoes nothing: the record says so, which blocks the key
 *                              └─ all succeed ► nil
 */
const EXECUTE = `
local at

local function run()
  local first = at + 1
  at = first + tonumber(ARGV[at])
  local reply = redis.pcall(unpack(ARGV, first, at - 1))
  return reply, type(reply) == 'table' and reply.err
end

local function holds(reply, is, value)
  if type(reply) == 'table' then reply = assert(reply.ok) end
  if is == '=' and type(reply) ~= 'number' then return (reply or '') == value end
  local a, b = tonumber(reply or 0), tonumber(value)
  if is == '=' then return a == b end
  if is == '<' then return a < b end
  if is == '<=' then return a <= b end
  if is == '>' then return a > b end
  return a >= b
end

local function check(from)
  at = from + 1
  for index = 1, tonumber(ARGV[from]) do
    local is, value = ARGV[at], ARGV[at + 1]
    at = at + 2
    local reply, problem = run()
    if problem then return { { ok = 'failed' }, 0, problem } end
    local comparable, held = pcall(holds, reply, is, value)
    if not comparable then return { { ok = 'failed' }, 0, 'ERR a condition reads one value, and compares numbers' } end
    if not held then return { { ok = 'unmet' }, index } end
  end
end

-- To be called after check. @param block is told what went wrong half-way.
local function execute(block)
  local commands = tonumber(ARGV[at])
  at = at + 1
  for index = 1, commands do
    local _, problem = run()
    if problem then
      if index > 1 then
        problem = 'command ' .. index .. ' of ' .. commands .. ' has failed: ' .. problem
        block(problem)
      end
      return { { ok = 'failed' }, index, problem }
    end
  end
end
`;

/** The same for the owner of a claim: what goes wrong half-way takes the place of what else its record says. */
const EXECUTE_OWNED = `
local function executeOwned(from_argument, token, record, from, first_seen)
  return check(from_argument) or execute(function(problem)
    local identity = string.sub(record, from, identityEnd(record, from))
    write('failed', token, clock(), ABANDONED, 0, 0, first_seen, identity .. problem)
  end)
end
`;

export interface Script {
  source: string;
  /** By which Redis knows it once it has seen it. */
  sha1: string;
}

function script(...parts: string[]): Script {
  const source = parts.join('');
  return { source, sha1: createHash('sha1').update(source).digest('hex') };
}

/** The last token, or what to answer where the records have a format that this library does not know. */
const META = `
local function lastToken()
  local meta = redis.call('GET', metaKey)
  if not meta then
    redis.call('SET', metaKey, '${VERSION} 0')
    return '0'
  end
  local last = string.match(meta, '^${VERSION} (%d+)$')
  if not last then return nil, { { ok = 'version' }, meta } end
  return last
end
`;

/**
 * Many at once: KEYS: meta, a record each. ARGV: `durable` or nothing; of each: the lines of fingerprint and request, leaseMs. Answers with a list:
 * what became of each, which may be an error of Redis'.
 *
 * A token is the time in microseconds, or one more than the last: so it stays greater than those before, also when Redis has lost its
 * data and with it the last one.
 *
 * A claim of a key that is free need not be durable: it is neither written to disk nor sent to replicas, or every request would wait for the
 * disk twice. When it is lost, so is the claim of its owner, which the fence keeps out.
 */
export const CLAIM = script(
  PRELUDE,
  'local metaKey = KEYS[1]',
  META,
  `
local now, micros = clock()
local last, problem = lastToken()
if problem then return problem end

local function claim(identity, lease_ms)
  local previous, first_seen, rest, points = 'none', string.format('%d', now), identity, false
  local record = redis.call('GET', recordKey)
  if record then
    local state, _, expires, lease_ends, lease, seen, from = string.match(record, HEAD)
    previous = 'expired'
    if tonumber(expires) > now then
      local length = lineEnd(identity, 1)
      local last = identityEnd(record, from)
      if string.sub(record, from, from + length - 1) ~= string.sub(identity, 1, length) then
        return { { ok = 'mismatch' }, string.sub(record, from, last) }
      end
      if state ~= 'running' then return { { ok = state }, string.sub(record, last + 1) } end
      local left = tonumber(lease_ends) - now
      -- More than twice the lease: it was granted before the clock was set back, and counts as ended; see leaseLeftMs().
      if left > 0 and left <= 2 * tonumber(lease) then return { { ok = 'in-progress' }, math.ceil(left) } end
      previous, first_seen, rest, points = 'abandoned', seen, string.sub(record, from), string.sub(record, last + 1)
    end
  end
  local is_durable = previous == 'abandoned' or ARGV[2] == 'durable'
  redis.set_repl(is_durable and redis.REPL_ALL or redis.REPL_NONE)
  local token = math.max(micros, tonumber(last) + 1)
  last = string.format('%d', token)
  redis.call('SET', metaKey, '${VERSION} ' .. last)
  start(last, now, lease_ms, first_seen, rest)
  return { { ok = 'claimed' }, token, { ok = previous }, points }
end

local outcomes = {}
for index = 2, #KEYS do
  recordKey = KEYS[index]
  -- What goes wrong with one is not the others' affair: they have their claims.
  local done, outcome = pcall(claim, ARGV[2 * index - 1], tonumber(ARGV[2 * index]))
  if not done then outcome = { { ok = 'error' }, (string.find(outcome, '^%u+ ') and '' or 'ERR ') .. outcome } end
  outcomes[index - 1] = outcome
end
return outcomes
`,
);

/** ARGV: token, leaseMs. */
export const RENEW = script(
  PRELUDE,
  `
local record, from, first_seen = owned(ARGV[2])
if not record then return { { ok = 'lease-lost' } } end
start(ARGV[2], clock(), tonumber(ARGV[3]), first_seen, string.sub(record, from))
return { { ok = 'renewed' } }
`,
);

/** ARGV: token. Whether the claim is the current one. */
export const HELD = script(PRELUDE, "return { { ok = owned(ARGV[2]) and 'held' or 'lease-lost' } }");

/** `held` as long as nobody has the key. */
export const KNOWN = script(PRELUDE, "return { { ok = redis.call('EXISTS', recordKey) == 1 and 'known' or 'held' } }");

/** ARGV: token, retainMs, the lines of status and headers and the body, effect. */
export const COMMIT = script(
  PRELUDE,
  EXECUTE,
  EXECUTE_OWNED,
  `
local record, from, first_seen = owned(ARGV[2])
if not record then return { { ok = 'lease-lost' } } end
local problem = executeOwned(5, ARGV[2], record, from, first_seen)
if problem then return problem end
local rest = string.sub(record, from, identityEnd(record, from)) .. ARGV[4]
write('completed', ARGV[2], clock(), tonumber(ARGV[3]), 0, 0, first_seen, rest)
return { { ok = 'stored' } }
`,
);

/**
 * Many at once: KEYS: meta, a record each. ARGV, of each: the lines of fingerprint and request, retainMs, the lines of status and headers and the
 * body, how many words the effect has, effect. Answers with a list: 1 for stored, 0 for known, else what stood in the way.
 *
 * A record is written before its effect, which finds out whether there is one already. Its token is nobody's: what is completed is fenced by its
 * state.
 */
export const COMMIT_UNCLAIMED = script(
  CLOCK,
  WRITE,
  EXECUTE,
  'local metaKey = KEYS[1]',
  META,
  `
local now, head, longer
local last_keep = -1

local function commit(identity, keep, reply, effect)
  -- The same for nearly all.
  if keep ~= last_keep then
    last_keep, head, longer = keep, headOf('completed', '0', now + keep, 0, 0, string.format('%d', now)), kept(keep)
  end
  local problem = check(effect)
  -- What does not hold may be the first one's doing.
  if problem then return redis.call('EXISTS', recordKey) == 1 and 0 or problem end
  local written = redis.pcall('SET', recordKey, head .. identity .. reply, 'NX', 'PX', longer)
  if not written then return 0 end
  if written.err then return { { ok = 'failed' }, 0, written.err } end
  problem = execute(function(why)
    local failed = headOf('failed', '0', now + ${ABANDONED_MS}, 0, 0, string.format('%d', now))
    redis.call('SET', recordKey, failed .. identity .. why, 'PX', kept(${ABANDONED_MS}))
  end)
  if not problem then return 1 end
  if problem[2] == 1 then redis.call('DEL', recordKey) end
  return problem
end

local _, problem = lastToken()
if problem then return problem end
now = clock()
local outcomes, from = {}, 2
for index = 2, #KEYS do
  recordKey = KEYS[index]
  outcomes[index - 1] = commit(ARGV[from], tonumber(ARGV[from + 1]), ARGV[from + 2], from + 4)
  from = from + 4 + tonumber(ARGV[from + 3])
end
return outcomes
`,
);

/** ARGV: token, leaseMs, phase, and if the phase has an effect: result, effect. Phase and result are JSON strings. */
export const CHECKPOINT = script(
  PRELUDE,
  EXECUTE,
  EXECUTE_OWNED,
  String.raw`
local record, from, first_seen = owned(ARGV[2])
if not record then return { { ok = 'lease-lost' } } end
local rest, result = string.sub(record, from), ARGV[5]
local _, reached = string.find(rest, '\n' .. ARGV[4] .. ' ', 1, true)
if reached then
  result = string.sub(rest, reached + 1, lineEnd(rest, reached) - 1)
elseif not result then
  return { { ok = 'held' } }
else
  local problem = executeOwned(6, ARGV[2], record, from, first_seen)
  if problem then return problem end
  rest = rest .. ARGV[4] .. ' ' .. result .. '\n'
end
start(ARGV[2], clock(), tonumber(ARGV[3]), first_seen, rest)
return { { ok = 'reached' }, result }
`,
);

/** ARGV: token. */
export const RELEASE = script(
  PRELUDE,
  `
if not owned(ARGV[2]) then return { { ok = 'lease-lost' } } end
redis.call('DEL', recordKey)
return { { ok = 'released' } }
`,
);

export const LOOKUP = script(
  PRELUDE,
  `
local record = redis.call('GET', recordKey)
if not record then return { { ok = 'unknown' } } end
local state, _, expires, _, _, first_seen, from = string.match(record, HEAD)
if tonumber(expires) <= clock() then return { { ok = 'unknown' } } end
local last = identityEnd(record, from)
return { { ok = state }, string.sub(record, from, last), first_seen, expires, string.match(record, '^%d*', last + 1) }
`,
);

/** KEYS: any number of records. ARGV: beforeMs, limit. */
export const PURGE = script(
  PRELUDE,
  `
local before, limit, deleted = math.min(tonumber(ARGV[2]), (clock())), tonumber(ARGV[3]), 0
for _, name in ipairs(KEYS) do
  if deleted == limit then break end
  local _, _, expires = string.match(redis.call('GET', name) or '', HEAD)
  if expires and tonumber(expires) <= before then
    redis.call('UNLINK', name)
    deleted = deleted + 1
  end
end
return { { ok = 'purged' }, deleted }
`,
);
