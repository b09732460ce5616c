a = require '../a'
