-- Begins a generation, or goes on with it. KEYS: head, build, generations
-- ARGV: epoch, generation, to, plan
local head, build = read_head(KEYS[1]), read_build(KEYS[2])
local epoch, generation, plan = tonumber(ARGV[1]), ARGV[2], ARGV[4]
if head then
  if epoch < head.epoch then return 'fenced' end
  if generation == head.generation and tonumber(ARGV[3]) <= head.next then return 'done' end
  if not above(generation, head.generation) then return 'unexpected' end
end
if build then
  if epoch < build.epoch then return 'fenced' end
  if build.generation == generation and build.plan == plan then return 'build' end
end
-- A name used before may still have tickets of that time.
local known = redis.pcall('SISMEMBER', KEYS[3], generation)
if known == 1 then return 'unexpected' end
if known ~= 0 then redis.call('DEL', KEYS[3]) end
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[2], 'epoch', ARGV[1], 'generation', generation, 'plan', plan)
redis.call('SADD', KEYS[3], generation)
return 'build'
