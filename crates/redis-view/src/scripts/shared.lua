-- Head and shared value of one moment. KEYS: head, shared. ARGV: generation
-- Answers the head alone when another generation is current.
local f = redis.call('HMGET', KEYS[1], 'epoch', 'generation', 'next')
if f[2] == ARGV[1] then f[4] = redis.call('GET', KEYS[2]) end
return f
