-- An imported module has a root scope: its handlers run when its body ends, also of an error.
local m = require './good'
assert(m.answer == 42)
local log = m.log
assert(table.concat(log, ' ') == 'body second first', table.concat(log, ' '))
local ok, e = pcall(require, './bad')
assert(not ok and tostring(e):find 'bad module', e)
assert(m.log[#m.log] == 'handler of bad')
-- The importer's handlers are not the module's to pop.
scope(function()
  local popped
  scope_cleanup_push(function() popped = true end)
  local ok, e = pcall(require, './popper')
  assert(not ok and e.code == 14 and not popped)
end)
print 'ok'
