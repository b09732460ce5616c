-- The traceback is that of the error, through scopes, although a handler ran since.
scope_cleanup_push(function() print 'root' end)
scope(function()
  scope_cleanup_push(function() require 'time'.sleep(0.001) print 'inner' end)
  local function guilty() error('the message', 1) end
  guilty()
end)
