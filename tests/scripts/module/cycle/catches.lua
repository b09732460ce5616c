ok, e = pcall(require, '../self_catches')
