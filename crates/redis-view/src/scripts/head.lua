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

-- Puts tickets into the buckets KEYS[first_key]…; ARGV[arg] tells how many of these get one ticket.
-- Then come the field and value of each of those; after them, for each other bucket, the number of its
-- tickets and that many pairs. Nearly all get one: for them nothing is counted or unpacked.
local function put_tickets(first_key, arg)
  local call, keys, args = redis.call, KEYS, ARGV
  local first_many = first_key + tonumber(args[arg])
  arg = arg + 1
  for k = first_key, first_many - 1 do
    call('HSET', keys[k], args[arg], args[arg + 1])
    arg = arg + 2
  end
  for k = first_many, #keys do
    local last = arg + 2 * tonumber(args[arg])
    call('HSET', keys[k], unpack(args, arg + 1, last))
    arg = last + 1
  end
end
