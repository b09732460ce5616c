error('dies of itself')
