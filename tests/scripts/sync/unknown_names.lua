-- What an object does not have, with and without properties; methods called on objects of another class.
local condition_variable, mutex, semaphore = require 'condition_variable', require 'mutex', require 'semaphore'
local m, c, s = mutex.new(), condition_variable.new(), semaphore.new(1)

for _, object in ipairs({m, c, s}) do
  for _, key in ipairs({'nothing', '__index', 1, true}) do
    local ok, e = pcall(function() return object[key] end)
    print(ok, e.code, e.category, e.index)
  end
  local ok, e = pcall(function() object.nothing = 1 end)
  print(ok, e.code, e.category)
end
for _, wrong in ipairs({c, s, 1, 'text', {}}) do
  print(pcall(m.unlock, wrong))
  print(pcall(m.unlock, wrong))
end
print(pcall(c.notify_one, m))
for _ = 1, 200 do  -- also when it is compiled
  assert(not pcall(function() return m.nothing end))
  assert(m:try_lock())
  m:unlock()
  c:notify_one()
end
