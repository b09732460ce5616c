name = 'uses ' .. require('../waits').name
