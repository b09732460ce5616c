print('folder', _FILE, require('./part').name, ...)
