-- Give a lease up, if it is still ours. KEYS: the lease, the index. ARGV: incarnation, instance id. Gives 1 or 0.
local stored = redis.call('GET', KEYS[1])
if not stored then
  return 0
end
local readable, lease = pcall(cjson.decode, stored)
if not readable or type(lease) ~= 'table' or lease.incarnation ~= ARGV[1] then
  return 0
end
redis.call('DEL', KEYS[1])
redis.call('SREM', KEYS[2], ARGV[2])
return 1
