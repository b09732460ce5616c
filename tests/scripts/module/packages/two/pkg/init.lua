name = 'two/pkg: never seen, the first folder wins'
