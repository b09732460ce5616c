name = 'tree/leaf'
