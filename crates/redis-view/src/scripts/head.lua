-- Shared by all scripts that write. Numbers stay below 2^53, so Lua compares them exactly.

-- The head; nil when there is none, or none that makes sense.
local function read_head(key)
  local f = redis.pcall('HMGET', key, 'epoch', 'generation', 'next', 'step', 'chunks')
  if f.err or not (f[1] and f[2] and f[3]) then return nil end
  local head = { epoch = tonumber(f[1]), generation = f[2], next = tonumber(f[3]),
    step = f[4], chunks = tonumber(f[5] or 0) }
  if not (head.epoch and head.next and head.chunks) then return nil end
  return head
end

-- The half-built generation; nil when there is none, or none that makes sense.
local function read_build(key)
  local f = redis.pcall('HMGET', key, 'epoch', 'generation', 'plan')
  if f.err or not (f[1] and f[2] and f[3]) or not tonumber(f[1]) then return nil end
  return { epoch = tonumber(f[1]), generation = f[2], plan = f[3] }
end

-- Whether generation a, "epoch.counter", is above b.
local function above(a, b)
  local epoch_a, counter_a = string.match(a, '^(%d+)%.(%d+)$')
  local epoch_b, counter_b = string.match(b, '^(%d+)%.(%d+)$')
  if not epoch_b then return true end
  if epoch_a ~= epoch_b then return tonumber(epoch_a) > tonumber(epoch_b) end
  return tonumber(counter_a) > tonumber(counter_b)
end

-- Puts tickets into the buckets KEYS[first_key]…; ARGV from `arg` on has, for each bucket, the
-- number of tickets and then that many pairs of field and value.
local function put_tickets(first_key, arg)
  for k = first_key, #KEYS do
    local last = arg + 2 * tonumber(ARGV[arg])
    redis.call('HSET', KEYS[k], unpack(ARGV, arg + 1, last))
    arg = last + 1
  end
end
