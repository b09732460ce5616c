print('before')
error('the main fiber dies')
