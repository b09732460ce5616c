name = 'never seen: built-in modules come first'
