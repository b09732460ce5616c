ok, e = pcall(require, '../self_catches')
name = 'loaded all the same'
