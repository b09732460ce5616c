name = 'both.lua'
