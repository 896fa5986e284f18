-- Drops some keys of a dead generation. KEYS: head, build, generations, keys…
-- ARGV: generation, 1 when these are its last keys
local head, build = read_head(KEYS[1]), read_build(KEYS[2])
if not head or head.generation == ARGV[1] then return 'unexpected' end
if build and build.generation == ARGV[1] then return 'unexpected' end
redis.call('UNLINK', unpack(KEYS, 4))
if ARGV[2] == '1' then redis.call('SREM', KEYS[3], ARGV[1]) end
return 'done'
