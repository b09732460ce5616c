name = 'two/pkg3'
cycle = require 'pkg2'
