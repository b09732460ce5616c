name = 'leaf'
