name = 'part'
