name = 'tree/lib/deep/b'
up = require '../../a'
top = require '../../../leaf'
root = require '/leaf'
