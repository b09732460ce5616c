name = 'tree/lib'
a = require './a'
