name = 'two/pkg2'
cycle = require 'pkg3'
