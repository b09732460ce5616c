shown = 'globals, since a number is no module'
return 42
