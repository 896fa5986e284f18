-- Makes the built generation the current one. KEYS: head, build, shared
-- ARGV: epoch, generation, to, plan, chunks, shared, channel, live
local head, build = read_head(KEYS[1]), read_build(KEYS[2])
local epoch, generation = tonumber(ARGV[1]), ARGV[2]
if head then
  if epoch < head.epoch then return 'fenced' end
  if generation == head.generation and tonumber(ARGV[3]) <= head.next then return 'done' end
  if not above(generation, head.generation) then return 'unexpected' end
end
if build and epoch < build.epoch then return 'fenced' end
if not build or build.generation ~= generation or build.plan ~= ARGV[4] then return 'unexpected' end
-- Beside its three fields, the marker has one for each chunk that is in.
if redis.call('HLEN', KEYS[2]) ~= 3 + tonumber(ARGV[5]) then return 'unexpected' end
redis.call('SET', KEYS[3], ARGV[6])
redis.call('SPUBLISH', ARGV[7], ARGV[8])
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'generation', generation, 'next', ARGV[3])
return 'done'
