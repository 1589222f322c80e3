-- What wrk sends: whole HTTP requests from files, with a key put in where the marker stands, and a line of JSON at the end.

local marker = string.rep("@", 30)
local sources = {}
local ids, count, hot, names, made

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

local function split(text)
  local from, to = text:find(marker, 1, true)
  if not from then return { whole = text } end
  return { head = text:sub(1, from - 1), tail = text:sub(to + 1) }
end

-- ids file, hot id, tag of new names (10 characters), seed; then for each source: percentage, key (id, hot, name, none), file.
function init(args)
  ids, hot, names = read(args[1]), args[2], args[3]
  count, made = #ids / 31, 0
  math.randomseed(tonumber(args[4]))
  local below = 0
  for at = 5, #args, 3 do
    below = below + tonumber(args[at])
    local source = split(read(args[at + 2]))
    source.below, source.key = below, args[at + 1]
    if source.key == "hot" then source = { below = below, whole = source.head .. hot .. source.tail } end
    table.insert(sources, source)
  end
end

local function pick()
  if #sources == 1 then return sources[1] end
  local dice = math.random(100)
  for _, source in ipairs(sources) do
    if dice <= source.below then return source end
  end
end

function request()
  local source = pick()
  if source.whole then return source.whole end
  if source.key == "name" then
    made = made + 1
    return source.head .. string.format("%s%020d", names, made) .. source.tail
  end
  local start = math.random(0, count - 1) * 31
  return source.head .. ids:sub(start + 1, start + 30) .. source.tail
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\nRESULT {"requests":%d,"durationUs":%d,"p50Us":%d,"p99Us":%d,"failed":%d,"refused":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.timeout, errors.status))
end
