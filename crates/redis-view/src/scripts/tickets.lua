-- Head and tickets of one moment. KEYS: head, a bucket for each ticket. ARGV: generation, fields…
-- Answers the head alone when another generation is current.
local f = redis.call('HMGET', KEYS[1], 'epoch', 'generation', 'next')
if f[2] == ARGV[1] then
  for k = 2, #KEYS do f[k + 2] = redis.call('HGET', KEYS[k], ARGV[k]) end
end
return f
