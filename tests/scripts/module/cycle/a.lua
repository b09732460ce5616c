b = require '../b'
