-- Puts one chunk into the half-built generation. KEYS: head, build, buckets…
-- ARGV: epoch, generation, plan, chunk, tickets…
local head, build = read_head(KEYS[1]), read_build(KEYS[2])
local epoch = tonumber(ARGV[1])
if head and epoch < head.epoch then return 'fenced' end
if build and epoch < build.epoch then return 'fenced' end
if not build or build.generation ~= ARGV[2] or build.plan ~= ARGV[3] then return 'unexpected' end
put_tickets(3, 5)
redis.call('HSET', KEYS[2], ARGV[4], 1)
return 'done'
