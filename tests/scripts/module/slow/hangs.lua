print 'hanging body runs'
require('sleep_for')(50)
value = 'loaded in the end'
