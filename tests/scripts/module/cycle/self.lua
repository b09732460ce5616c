me = require '../self'
