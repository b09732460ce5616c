local json = require 'json'

local w = json.writer.new()
print(w.level, getmetatable(w))
w:begin_object()
w:value 'name' w:value 'Ada "A."'
w:value 'n' w:begin_array()
print(w.level)
w:value(1) w:value(0.5) w:value(true) w:value(json.null) w:value(0 / 0) w:literal '{"raw":1}'
w:begin_object() w:end_object() w:begin_array() w:end_array()
w:end_array() w:value 'last' w:value '' w:end_object()
print(w.level, w:generate())

local w = json.writer.new{indent = 2}
w:begin_array() w:value(1) w:begin_object() w:value 'k' w:begin_array() w:end_array() w:end_object() w:end_array()
print(w:generate())

-- each call in each state
local states = {
  fresh = function() end,
  array = function(w) w:begin_array() end,
  filled = function(w) w:begin_array() w:value(1) end,
  object = function(w) w:begin_object() end,
  named = function(w) w:begin_object() w:value 'k' end,
  done = function(w) w:value(1) end,
  closed = function(w) w:begin_array() w:end_array() w:generate() end,
}
local calls = {
  {'value', 1}, {'value', 's'}, {'value', json.null}, {'literal', '2'}, {'begin_object'}, {'end_object'},
  {'begin_array'}, {'end_array'}, {'generate'},
}
for _, state in ipairs{'fresh', 'array', 'filled', 'object', 'named', 'done', 'closed'} do
  for _, call in ipairs(calls) do
    local w = json.writer.new()
    states[state](w)
    local ok, e = pcall(w[call[1]], w, call[2])
    print(state, call[1], tostring(call[2]), ok and 'ok' or tostring(e.category) .. ' ' .. e.code .. ': ' .. tostring(e))
  end
end

-- bad values
local w = json.writer.new()
w:begin_array()
for _, v in ipairs{{}, print, coroutine.create(print), w} do
  local ok, e = pcall(w.value, w, v)
  print(ok, e, e.arg)
end
print(select(2, pcall(w.value, w)).arg, select(2, pcall(w.literal, w, '')).arg)
print(pcall(w.literal, w, 1))
print(pcall(w.value, w, 'x\255'))
print(pcall(w.value, {}, 1))
print(pcall(function() return w.nonsense end))
print(pcall(function() w.level = 1 end))
print(select(2, pcall(json.writer.new, 1)).arg)
print(select(2, pcall(json.writer.new, {indent = 99})).arg)

-- depth, just under and just over
local w = json.writer.new{max_depth = 3}
for _ = 1, 3 do w:begin_array() end
local ok, e = pcall(w.begin_array, w)
print(ok, e, e.limit, w.level)
for _ = 1, 3 do w:end_array() end
print(w:generate())
