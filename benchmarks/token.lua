-- One token request, sent again and again; tells wrk's figures as one line of JSON.
-- With BENCH_CLIENTS, a file of one Authorization header a line, each request is the next client's, from BENCH_FIRST on.

wrk.method = "POST"
wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
wrk.headers["Authorization"] = os.getenv("BENCH_AUTHORIZATION")
wrk.body = "grant_type=client_credentials"

local threads = {}
local clients = os.getenv("BENCH_CLIENTS")

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  not_ok = 0
end

if clients then
  local headers = {}
  for line in io.lines(clients) do
    table.insert(headers, line)
  end
  local place = tonumber(os.getenv("BENCH_FIRST") or "0") % #headers

  function request()
    wrk.headers["Authorization"] = headers[place + 1]
    place = (place + 1) % #headers
    return wrk.format()
  end
end

function response(status)
  if status ~= 200 then
    not_ok = not_ok + 1
  end
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.timeout
  for _, thread in ipairs(threads) do
    failed = failed + thread:get("not_ok")
  end
  print(string.format(
    'figures {"answers": %d, "failed": %d, "seconds": %.6f, "p50": %.3f, "p99": %.3f}',
    summary.requests, failed, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3
  ))
end
