-- Evaluates one data case for run.py: prints the fields that the driver understands, one "key<TAB>hex" a line.
-- usage: luajit evaluate.lua FILE [most bytes of one payload]
local path, most = arg[1], tonumber(arg[2] or 8 * 1024 * 1024)
local file = assert(io.open(path, 'rb'))
local source = file:read('*a'):gsub("main%.lua", "init.lua"):gsub("MAIN%.lua", "INIT.lua")
file:close()
local case = assert(loadstring(source, '@' .. path))()

local digits = {}
for byte = 0, 255 do digits[string.char(byte)] = ('%02x'):format(byte) end
local function hex(s) return (s:gsub('.', digits)) end
local function emit(key, value) io.write(key, '\t', hex(tostring(value)), '\n') end

-- A function that writes is run against a buffer that is full at `most` bytes.
local function written(f)
  local parts, size = {}, 0
  f(function(s)
    parts[#parts + 1], size = s, size + #s
    return size < most
  end)
  return table.concat(parts)
end

emit('kind', case.kind)
if type(case.send) == 'function' then
  emit('send', written(case.send))
elseif type(case.send) == 'table' then
  emit('send', table.concat(case.send))
end
for _, variant in ipairs(case.variants or {}) do emit('variant', variant) end
if case.body then emit('body', case.body()) end
if case.code then emit('code', case.code) end
for _, key in ipairs {'conns', 'then_byte_every_ms', 'read_bytes_per_s'} do
  if case[key] then emit(key, case[key]) end
end
for key, value in pairs(case.expect or {}) do
  if type(value) == 'table' then
    for _, item in ipairs(value) do emit('expect.' .. key, item) end
  else
    emit('expect.' .. key, value)
  end
end
