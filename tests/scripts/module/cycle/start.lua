main = require '/cycle'
