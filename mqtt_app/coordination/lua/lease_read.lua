-- Every lease that stands, in one round trip; ids whose lease ran out leave the index.
-- KEYS: the index, the time since which leases are known, the time of anybody's last renewal.
-- ARGV: prefix of the lease keys, TTL in ms.
local time = redis.call('TIME')
local now = time[1] .. '.' .. string.format('%06d', time[2])
local known, held = redis.call('GET', KEYS[2]) or now, redis.call('GET', KEYS[3]) or now
-- As in lease_hold. Once for each time that they fall silent: when nobody renews from now on either, all are dead.
if now - held > ARGV[2] / 2000 and tonumber(known) <= tonumber(held) then
  known = now
end
redis.call('SET', KEYS[2], known)
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
