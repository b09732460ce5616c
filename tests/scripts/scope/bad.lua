local log = require '../good'.log
scope_cleanup_push(function() log[#log + 1] = 'handler of bad' end)
error 'bad module'
