-- run once
print(_CONTEXT, require('./folder/part')._CONTEXT)
