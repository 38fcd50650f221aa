-- For wrk: POSTs charges. BENCH_KEYS says which keys they have:
--   same            one, again and again
--   new:PREFIX      each its own
--   stored:COUNT    one of those that were stored before (see spread below), by chance
--   beyond:COUNT    each its own, among those that were stored
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
  new = function() return rest .. "-" .. count end,
  stored = function() return spread(math.random(tonumber(rest))) end,
  beyond = function() return spread(rest + count) end,
}
local key = keys[kind]
math.randomseed(os.time())

request = function()
  count = count + 1
  return head .. key() .. tail
end
