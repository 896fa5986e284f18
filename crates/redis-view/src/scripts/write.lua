-- One call of a step. KEYS: head, shared, buckets…
-- ARGV: epoch, generation, from, to, plan, chunk, chunks, shared, channel, live, tickets…
local head = read_head(KEYS[1])
local epoch, from, to = tonumber(ARGV[1]), tonumber(ARGV[3]), tonumber(ARGV[4])
local plan, chunk, chunks = ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7])
if not head then return 'unexpected' end
if epoch < head.epoch then return 'fenced' end
if ARGV[2] ~= head.generation then return 'unexpected' end
if to <= head.next then return 'done' end
if from ~= head.next then return 'unexpected' end

-- A step of several calls leaves a trace in the head until its last one. So a call that comes late,
-- from a connection given up, can't put older values over newer ones; and a step whose first calls
-- were rolled back doesn't end as if they were there.
local applied = 0
if head.step == plan then
  applied = head.chunks
elseif head.step and (tonumber(string.match(head.step, '^%d+')) or 0) > to then
  return 'unexpected'
end
if applied < chunk then return 'unexpected' end
if applied > chunk then return 'done' end

put_tickets(3, 11)
if chunk + 1 < chunks then
  redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'step', plan, 'chunks', chunk + 1)
  return 'done'
end
redis.call('SET', KEYS[2], ARGV[8])
redis.call('SPUBLISH', ARGV[9], ARGV[10])
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'next', ARGV[4])
if head.step then redis.call('HDEL', KEYS[1], 'step', 'chunks') end
return 'done'
