-- A handler app: called once per request, in a fiber of its own. What it leaves in `res` is sent.
local visits = 0

return function(sock, req, res)
  visits = visits + 1
  res.headers = {['content-type'] = 'text/plain'}
  res.body = 'Hello from ' .. req.target .. ', visit ' .. visits .. '\n'
end
