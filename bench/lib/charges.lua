-- For wrk: POSTs charges. BENCH_KEYS says which keys they have:
--   same            one, again and again
--   new:NAME        each its own, and like a UUID anywhere among those that are stored; NAME tells rounds apart
--   stored:COUNT    one of those that were stored before (see spread below), by chance
local kind, rest = string.match(os.getenv("BENCH_KEYS"), "^(%a+):?(.*)$")
local count = 0

-- The request is put together once, so that wrk is not what is measured.
local head, tail = string.match(wrk.format("POST", "/api/charges", {
  ["Authorization"] = "Bearer sk_bench",
  ["Content-Type"] = "application/json",
  ["Host"] = "127.0.0.1",
  ["Idempotency-Key"] = '"KEY"',
}, '{"amount":1000,"currency":"usd"}'), "^(.*)KEY(.*)$")

-- As long as a UUID, and as far from its neighbours: neighbouring numbers have no neighbouring keys.
local function spread(number)
  return string.format("%010d-7d1b-4c0e-8a94-1b1c1f9a0f3b", number * 48271 % 2147483647)
end

local keys = {
  same = function() return "replay" end,
  new = function() return string.format("%010d-%s-%d", math.random(0, 2147483646), rest, count) end,
  stored = function() return spread(math.random(tonumber(rest))) end,
}
local key = keys[kind]
math.randomseed(os.time())

request = function()
  count = count + 1
  return head .. key() .. tail
end
