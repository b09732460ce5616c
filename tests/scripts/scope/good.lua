local log = {}
scope_cleanup_push(function() log[#log + 1] = 'first' end)
scope_cleanup_push(function() require 'time'.sleep(0.001) log[#log + 1] = 'second' end)
log[#log + 1] = 'body'
return {answer = 42, log = log}
