-- Take or renew a lease, decided by the value that is stored: sending it twice is the same as sending it once.
-- KEYS: the lease, the index of instances, the time since which leases are known, the time of anybody's last renewal.
-- ARGV: incarnation, lease as JSON, TTL in ms, instance id, an incarnation known to be dead ('' for none).
-- Gives 'held', 'asserted' (no lease was there) or 'lost' (another incarnation's lease stands untouched).
local stored = redis.call('GET', KEYS[1])
local answer = 'asserted'
if stored then
  local readable, lease = pcall(cjson.decode, stored)
  local holder = readable and type(lease) == 'table' and lease.incarnation
  if holder ~= ARGV[1] and (ARGV[5] == '' or holder ~= ARGV[5]) then
    return 'lost'
  end
  answer = 'held'
end
local time = redis.call('TIME')
local now = time[1] .. '.' .. string.format('%06d', time[2])
local known, held = redis.call('GET', KEYS[3]) or now, redis.call('GET', KEYS[4]) or now
-- Nobody at all could renew for half a TTL: Redis was away, and who is missing now has not had the chance to be here.
if now - held > ARGV[3] / 2000 and tonumber(known) <= tonumber(held) then
  known = now
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('SADD', KEYS[2], ARGV[4])
redis.call('SET', KEYS[3], known)
redis.call('SET', KEYS[4], now)
return answer
