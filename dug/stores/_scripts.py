"""What a server of Redis is asked to do at one go: scripts in its own language, each for one trip in place of several.

`LOOK` gives rows with their small values, `RENEW` and `RELEASE` are leases, `NOTE_INVALIDATION` keeps the name of the last one.
"""

# Gives rows, each with its value if that is small, in one trip: a row says in its first bytes where its value is.
LOOK = """
local found = {}
for i, at in ipairs(KEYS) do
  local row, value = redis.call('GET', at), false
  if row then
    local place = ARGV[1] .. string.sub(row, 1 + ARGV[2], 16 + ARGV[2])
    local size = redis.call('STRLEN', place)
    if size > tonumber(ARGV[3]) then value = '-' elseif size > 0 then value = '+' .. redis.call('GET', place) end
  end
  found[2 * i - 1], found[2 * i] = row, value
end
return found
"""
RENEW = "for _, at in ipairs(KEYS) do if redis.call('GET', at) == ARGV[1] then redis.call('PEXPIRE', at, ARGV[2]) end end"
RELEASE = "for _, at in ipairs(KEYS) do if redis.call('GET', at) == ARGV[1] then redis.call('DEL', at) end end"
NOTE_INVALIDATION = """
if ARGV[3] and ARGV[3] ~= (redis.call('HGET', KEYS[1], ARGV[1]) or '') then return end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
"""
