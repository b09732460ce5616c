-- engine only
-- A handler that raises closes the VM: nothing runs after it.
scope_cleanup_push(function() print 'not reached' end)
pcall(function()
  scope_cleanup_push(function() print 'not reached either' end)
  scope_cleanup_push(function() require 'time'.sleep(0.001) error 'broken' end)
  scope_cleanup_push(function() print 'the one before' end)
end)
print 'not reached'
