c = require '../c'
