-- Every callback of the language and of its library may suspend. Each row calls its function under
-- a fiber that is interrupted by nothing, first without, then with a suspension in the callback; the
-- results are the same, and the suspension happened.
local time = require 'time'
local waits = 0
local pause
local function wait() waits = waits + 1 pause() end
local kinds = {
  function() end,
  function() this_fiber.yield() end,
  function() time.sleep(0) end,
  function() coroutine.wrap(function() this_fiber.yield() end)() end,
  function() pcall(time.sleep, 0) end,
  function() spawn(this_fiber.yield):join() end,
}
local function object(meta) return setmetatable({}, meta) end
local function dump(...)
  local texts = {select('#', ...)}
  for i = 1, select('#', ...) do
    local v = select(i, ...)
    texts[i + 1] = type(v) == 'table' and table.concat(v, ',') or tostring(v)
  end
  return table.concat(texts, ' ')
end
local function arithmetic(name, f)
  return function() local o = object{['__' .. name] = function(a, b) wait() return 1, 2 end} return f(o, 5), f(5, o), f(o, o) end
end
local rows = {
  sort = function() local t = {} for i = 1, 60 do t[i] = i * 37 % 61 end table.sort(t, function(a, b) wait() return a > b end) return t end,
  sort_lt = function()
    local meta = {__lt = function(a, b) wait() return a.n < b.n end}
    local t = {} for i = 1, 20 do t[i] = setmetatable({n = i * 7 % 23}, meta) end
    table.sort(t)
    for i = 1, 20 do t[i] = t[i].n end
    return t
  end,
  gsub_function = function() return ('hello world'):gsub('o', function(c) wait() return c:upper() end) end,
  gsub_captures = function() return ('k=v, x=y'):gsub('(%w)=(%w)', function(a, b) wait() return b .. '=' .. a end, 1) end,
  gsub_table = function() return ('$a $b'):gsub('%$(%w)', object{__index = function(_, k) wait() return k .. k end}) end,
  gsub_in_coroutine_in_sort = function()
    local t = {'c', 'a', 'b'}
    table.sort(t, function(a, b)
      local w = coroutine.wrap(function() local s = (a .. b):gsub('.', function(c) wait() return c end) coroutine.yield(s) end)
      local s = w()
      return s:sub(1, 1) < s:sub(2, 2)
    end)
    return t
  end,
  gmatch = function() local t = {} for a, b in ('a1b2'):gmatch '(%a)(%d)' do wait() t[#t + 1] = b .. a end return t end,
  index = function() return object{__index = function(_, k) wait() return k, 2 end}.key end,
  index_chain = function() return object{__index = object{__index = function(_, k) wait() return k end}}.key end,
  method = function() return object{__index = function(_, k) wait() return function(_, v) wait() return k, v end end}:name(3) end,
  newindex = function() local got local o = object{__newindex = function(t, k, v) wait() rawset(t, k, v) end} o.x = 1 o[2] = 3 return rawget(o, 'x'), rawget(o, 2) end,
  call = function() return object{__call = function(self, ...) wait() return ... end}(1, nil, 3, nil) end,
  tail_call = function() local o = object{__call = function(self, ...) wait() return ... end} return (function() return o(1, 2) end)() end,
  add = arithmetic('add', function(a, b) return a + b end),
  sub = arithmetic('sub', function(a, b) return a - b end),
  mul = arithmetic('mul', function(a, b) return a * b end),
  div = arithmetic('div', function(a, b) return a / b end),
  mod = arithmetic('mod', function(a, b) return a % b end),
  pow = arithmetic('pow', function(a, b) return a ^ b end),
  unm = function() return -object{__unm = function() wait() return 'minus' end} end,
  concat = arithmetic('concat', function(a, b) return a .. b end),
  concat_many = function() local o = object{__concat = function(a, b) wait() return (type(a) == 'table' and 'o' or a) .. (type(b) == 'table' and 'o' or b) end} return 'a' .. o .. 'b' .. o .. 'c' end,
  len = function() return #object{__len = function() wait() return 7 end} end,
  eq = function() local meta = {__eq = function(a, b) wait() return true end} return setmetatable({}, meta) == setmetatable({}, meta), setmetatable({}, meta) ~= setmetatable({}, meta) end,
  lt = function() local meta = {__lt = function(a, b) wait() return true end} local a, b = setmetatable({}, meta), setmetatable({}, meta) if a < b then return a < b, a > b end end,
  le = function() local meta = {__le = function(a, b) wait() return true end} local a, b = setmetatable({}, meta), setmetatable({}, meta) if a <= b then return a <= b, a >= b end end,
  le_by_lt = function() local meta = {__lt = function(a, b) wait() return false end} local a, b = setmetatable({}, meta), setmetatable({}, meta) return a <= b, a >= b end,
  tostring = function() return tostring(object{__tostring = function() wait() return 'text' end}) end,
  format = function() return ('%s %5s %d'):format(object{__tostring = function() wait() return 'text' end}, object{__tostring = function() wait() return 't' end}, 3) end,
  print = function() print(object{__tostring = function() wait() return 'printed' end}) end,
  pairs = function() local t = {} for k, v in pairs(object{__pairs = function() wait() return function(_, k) wait() if not k then return 1, 2 end end, nil, nil end}) do t[#t + 1] = k + v end return t end,
  ipairs = function() local t = {} for i, v in ipairs(object{__ipairs = function() wait() return function(_, i) wait() if i < 3 then return i + 1, 'v' end end, nil, 0 end}) do t[#t + 1] = i .. v end return t end,
  iterator = function() local t = {} for i in function(_, i) wait() i = (i or 0) + 1 if i < 4 then return i end end do t[#t + 1] = i end return t end,
  iterator_object = function() local t, n = {}, 0 for i in object{__call = function() wait() n = n + 1 if n < 4 then return n end end} do t[n] = i end return t end,
  foreach = function() local t = {} local stop = table.foreach({'a', 'b', 'c'}, function(k, v) wait() t[#t + 1] = k .. v if k == 2 then return 'stop' end end) return stop, t end,
  foreachi = function() local t = {} table.foreachi({'a', 'b'}, function(k, v) wait() t[#t + 1] = k .. v end) return t end,
  load_reader = function() local parts, n = {'return', ' ...', ' + 1'}, 0 return load(function() wait() n = n + 1 return parts[n] end)(4) end,
  load_chunk = function() return load('local w = ... w() return 1, nil, 3')(wait) end,
  loadstring = function() return loadstring('local w = ... w() return 2')(wait) end,
  pcall = function() return pcall(function(...) wait() return ... end, 1, nil, 3, nil) end,
  xpcall = function() return xpcall(function(...) wait() return ... end, print, 1, nil, 3, nil) end,
  pcall_error = function() return pcall(function() wait() error('x', 0) end) end,
  nested_pcall = function() return pcall(pcall, pcall, function() wait() return 1 end) end,
  pcall_as_callback = function() return ('a'):gsub('a', function() return select(2, pcall(function() wait() return 'b' end)) end) end,
  varargs = function() local function f(...) wait() return select('#', ...), ... end return f(nil, f(nil, nil)) end,
  concat_arguments = function() local function f(v) wait() return v end return table.concat({f 'a', f 'b', f 'c'}, f ',') end,
  unpack = function() local function f(...) wait() return ... end return unpack({f(1, nil, 3)}, 1, f(3)) end,
  setmetatable_field = function() local t = {} t[object{}] = 1 return next(t) ~= nil end,
  scope = function() return scope(function(...) scope_cleanup_push(function() wait() end) wait() return ... end, 1, nil) end,
  wrap = function() local t = {} for v in coroutine.wrap(function() for i = 1, 3 do wait() coroutine.yield(i) wait() end end) do wait() t[#t + 1] = v end return t end,
  spawn = function() return spawn(function() wait() return 1, nil, 2 end):join() end,
  closures = function() local n = 0 local function up() wait() n = n + 1 return n end return up() + up() * up(), n end,
  assert = function() return assert((function() wait() return 1, 2 end)()) end,
}
if dofile then
  rows.dofile = function() wait() return dofile 'dofile_target.lua' end
end

local names = {}
for name in pairs(rows) do names[#names + 1] = name end
table.sort(names)
local quiet = {setmetatable_field = true}
for _, name in ipairs(names) do
  local expected
  for i, kind in ipairs(kinds) do
    pause, waits = kind, 0
    local before = waits
    local result = dump(rows[name]())
    expected = expected or result
    assert(result == expected, name .. ': ' .. result .. ' instead of ' .. expected)
    assert(waits > before or quiet[name], name .. ' did not call back')
    -- And inside of a coroutine, and of a pcall.
    assert(dump(coroutine.wrap(rows[name])()) == expected, name .. ' in a coroutine')
    assert(dump(select(2, pcall(rows[name]))) == expected, name .. ' in a pcall')
  end
end
assert(#names > 50)
print 'ok'
