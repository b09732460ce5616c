-- run once
spawn(function() error("it's over") end):detach()
