-- engine only
scope_cleanup_push(function() local x = nil; x() end)
pcall(scope_cleanup_pop)
print 'pcall is a scope: nothing to pop'
pcall(function() scope_cleanup_push(function() local x = nil; x() end) scope_cleanup_pop() end)
print 'not reached'
