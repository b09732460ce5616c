name = 'both/init.lua'
