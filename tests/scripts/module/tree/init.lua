name = 'tree'
function child(which) return require(which) end
