-- run once
-- Also if the handler fails of a full stack.
scope(function() scope_cleanup_push(function() local function f() return 1 + f() end f() end) end)
print 'not reached'
