name = 'one/pkg/sub/deep'
sibling = {pcall(require, '../../part')}
other_package = require('solo').name
