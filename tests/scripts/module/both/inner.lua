name = 'both/inner.lua'
