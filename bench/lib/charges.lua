-- For wrk: POSTs charges, each with a key of its own, or all with one.
local count = 0
local token = os.getenv("BENCH_TOKEN")
local run = os.getenv("BENCH_RUN")
local body = '{"amount":1000,"currency":"usd"}'

request = function()
  count = count + 1
  local key = run == "replay" and run or (run .. "-" .. count)
  return wrk.format("POST", "/api/charges", {
    ["Authorization"] = "Bearer " .. token,
    ["Content-Type"] = "application/json",
    ["Idempotency-Key"] = '"' .. key .. '"',
  }, body)
end
