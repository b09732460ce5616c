name, context, file = 'one/pkg', _CONTEXT, _FILE
part = require './part'
rooted = require '/sub/deep'
above = {pcall(require, '../solo')}
