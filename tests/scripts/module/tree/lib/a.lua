name = 'tree/lib/a'
function try(which) return pcall(require, which) end
