-- Every lease that stands, in one round trip; ids whose lease ran out leave the index.
-- KEYS: the index, the time since which leases are known. ARGV: prefix of the lease keys.
local now = redis.call('TIME')
redis.call('SET', KEYS[2], now[1] .. '.' .. string.format('%06d', now[2]), 'NX')
local leases = {}
for _, id in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local lease = redis.call('GET', ARGV[1] .. id)
  if lease then
    leases[#leases + 1] = lease
  else
    redis.call('SREM', KEYS[1], id)
  end
end
return leases
