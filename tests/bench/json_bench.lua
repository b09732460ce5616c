-- CPU time of decoding and encoding three documents, ours and lua-cjson's taking turns; the best of
-- many rounds each, and their ratio (below 1: ours is faster).
local json, cjson = require 'json', require 'cjson'
local clock = os.clock

local function small()
  return '{"id":48151623,"name":"Ada Lovelace","email":"ada@example.org","active":true,'
      .. '"roles":["admin","author"],"address":{"street":"12 St James\'s Square","city":"London",'
      .. '"zip":"SW1Y 4JH"},"score":98.25,"manager":null,"tags":[],"created":"1843-07-10T12:00:00Z"}'
end

local function records()
  local rows = {}
  for i = 1, 5000 do
    rows[i] = ('{"id": %d, "guid": "%08x-c0de-4bad-8f00-%012x", "first_name": "Name%d", '
        .. '"balance": %d.%02d, "active": %s, "visits": %d, "position": {"lat": %.6f, "lon": %.6f}, '
        .. '"tags": ["t%d", "u%d", "v"]}'):format(i, i * 2654435761 % 2^32, i * 40503, i, i * 7,
        i % 100, i % 3 == 0 and 'true' or 'false', i % 977, (i * 37 % 18000) / 100 - 90 + 0.000123,
        (i * 91 % 36000) / 100 - 180 + 0.000457, i % 50, i % 70)
  end
  return '[' .. table.concat(rows, ',\n') .. ']'
end

local function texts()
  local rows = {}
  local plain = 'Der Mond ist aufgegangen, die goldnen Sternlein prangen am Himmel hell und klar. '
  local foreign = 'Любовь и голод правят миром. 吾輩は猫である。名前はまだ無い。 Ça va? '
  for i = 1, 800 do
    rows[#rows + 1] = ('{"k%d":"%s","u":"%s","e":"line\\n\\ttab \\"quoted\\" \\u00e9\\u4e2d \\ud83d\\ude00 %d",'
        .. '"n":[%d,%.17g,%.3f,-%d.5e%d,%d,0.1,1e-7,%.15g]}'):format(i, plain:rep(i % 5 + 1),
        foreign:rep(i % 4 + 1), i, i * 99991, math.sin(i), i / 7, i, i % 30, i * 2^31, math.pi * i)
  end
  return '[' .. table.concat(rows, ',') .. ']'
end

local function best(f, argument, rounds, times)
  local least = math.huge
  for _ = 1, rounds do
    local from = clock()
    for _ = 1, times do f(argument) end
    least = math.min(least, (clock() - from) / times)
  end
  return least
end

local function compare(what, name, ours, theirs, a, b, times)
  local mine, other = math.huge, math.huge
  for _ = 1, 15 do
    collectgarbage()
    mine = math.min(mine, best(ours, a, 2, times))
    collectgarbage()
    other = math.min(other, best(theirs, b, 2, times))
  end
  print(('  %-7s %-8s %10.2f us  cjson %10.2f us  ratio %.2f'):format(what, name, mine * 1e6,
      other * 1e6, mine / other))
end

for _, document in ipairs{{'small', small(), 2000}, {'records', records(), 1}, {'texts', texts(), 2}} do
  local name, text, times = document[1], document[2], document[3]
  print(('%s: %d bytes'):format(name, #text))
  compare('decode', name, json.decode, cjson.decode, text, text, times)
  if json.encode then
    compare('encode', name, json.encode, cjson.encode, json.decode(text), cjson.decode(text), times)
    -- The same tables for both: arrays without a tag.
    local plain = cjson.decode(text)
    compare('encode', 'untagged', function(v) return json.encode(v) end, cjson.encode,
        name == 'small' and (function() plain.manager = nil return plain end)() or plain, plain, times)
  end
end
