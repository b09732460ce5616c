-- run once
local system = require 'system'
local log = {}
spawn(function() while #log < 3 do log[#log + 1] = 'ran' require('sleep_for')(1) end end):detach()
local span, text = byte_span.new(4), {}
local busy = spawn(function()
  local ok, e = pcall(system.in_.read_some, system.in_, byte_span.new(1))
  return tostring(e)
end)
while true do
  local ok, n = pcall(system.in_.read_some, system.in_, span)
  if not ok then print(tostring(n), tostring(n.category)) break end
  text[#text + 1] = tostring(span:slice(1, n))
end
print(table.concat(text), #log, busy:join())
