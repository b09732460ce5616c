-- engine only
-- As its first error or after one of the fiber: the same end.
spawn(function()
  scope_cleanup_push(function() error({}) end)
  error 'the fiber fails too'
end):detach()
require 'time'.sleep(10)
print 'not reached'
