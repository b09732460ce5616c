name = 'one/solo'
child = {pcall(require, './x')}
sibling = {pcall(require, '../pkg')}
file = _FILE
