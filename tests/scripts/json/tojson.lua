-- __tojson: writes to state.writer, may suspend, may encode its parts.
local json, time = require 'json', require 'time'

local function with(tojson, t) return setmetatable(t or {}, {__tojson = tojson}) end
local function failure(...)
  local ok, e = pcall(json.encode, ...)
  assert(not ok)
  return e
end

local point = with(function(self, state)
  state.writer:begin_array()
  state.writer:value(self.x)
  state.writer:value(self.y)
  state.writer:end_array()
end, {x = 1, y = 2})
print(json.encode(point))
print(json.encode{point, {p = point}, point})
print(json.encode({a = point, b = {point}}, {sort_keys = true}))
print(json.encode({point}, {indent = 2}))

local slow = with(function(self, state)
  time.sleep(0.001)
  state.writer:begin_object()
  state.writer:value 'parts'
  json.encode(self.parts, {state = state})
  time.sleep(0.001)
  state.writer:end_object()
end)
slow.parts = {point, 'x', {point}}
print(json.encode{slow, slow})
print(json.encode({s = slow}, {indent = 1}))
print(coroutine.wrap(function() return json.encode(slow) end)())

-- what `state` is
print(json.encode({{with(function(self, state)
  local visited = 0
  for t in pairs(state.visited) do visited = visited + 1 end
  assert(state.visited[self])
  state.writer:value(('%s %d %d %s'):format(getmetatable(state.writer), state.writer.level, visited,
    tostring(state.indent)))
end)}}))
print(json.encode({with(function(_, state) state.writer:value(#state.indent) end)}, {indent = 4}))
print(json.encode(with(function(_, state) print(json.encode('v', {state = state})) end)))
print(json.encode{with(function(_, state) state.writer:literal '[1, 2]' end)})

-- cycles through it
local ring = with(function(self, state) json.encode(self.next, {state = state}) end)
ring.next = {ring}
print(failure(ring))
ring.next = ring
print(failure{ring})
local a = {}
a[1] = with(function(_, state) json.encode(a, {state = state}) end)
print(failure(a))
-- depth goes on counting
local deep = with(function(self, state) json.encode(self.v, {state = state}) end)
deep.v = {{{}}}
print(json.encode({deep}, {max_depth = 4}))
print(failure({deep}, {max_depth = 3}).limit)

-- misuse
local nothing = with(function() end)
print(failure(nothing), failure{nothing}, failure{a = nothing})
print(failure{with(function(_, s) s.writer:begin_array() end)})
print(failure{with(function(_, s) s.writer:end_array() end)})
print(failure{a = with(function(_, s) s.writer:value(1) s.writer:value 'b' end)})
print(failure(with(function(_, s) s.writer:value(1) s.writer:generate() end)))
print(failure(with(function(_, s) s.writer:value(1) s.writer:value(2) end)))
print(failure(with(function() error('own error', 0) end)))
print(pcall(json.encode, setmetatable({}, {__tojson = 5})))
local kept
print(json.encode(with(function(_, s) kept = s.writer s.writer:value(1) end)))
print(pcall(kept.value, kept, 1))

-- the table may change meanwhile, and many fibers may be at it
local list
list = {1, with(function(_, s) list[3] = nil s.writer:value(2) end), 3}
print(json.encode(list))
local fibers, texts = {}, {}
for i = 1, 50 do
  fibers[i] = spawn(function() texts[i] = json.encode{i, slow, n = nil} end)
end
for i = 1, 50 do fibers[i]:join() end
for i = 1, 50 do assert(texts[i] == '[' .. i .. ',' .. json.encode(slow) .. ']') end

-- interrupted in the middle, the fiber ends and nothing else notices
local never = with(function(_, s) time.sleep(100) s.writer:value(1) end)
local f = spawn(function() json.encode{never} end)
this_fiber.yield()
f:interrupt()
f:join()
print(f.interruption_caught)
-- metamethods but __tojson do not count
print(json.encode(setmetatable({1, 2}, {__index = {3}, __len = function() return 9 end, __pairs = error})))
