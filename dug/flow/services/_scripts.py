"""What the server does in one go: the scripts by which steps are claimed, tapes written and read, and runs looked at.

The first key is always the hash of the run: where that is not there, nothing is written, so that no key of a run that was deleted
comes back.  Every key that a script writes expires.

The texts are `CLAIM`, `RENEW`, `RELEASE`, `APPEND`, `READ`, `LOOK`, `SEND`, `SKIP`, `FORGET`, `RETRY`, `CANCEL`, `LEASE`.
"""

# KEYS: run, step, claim.  ARGV: owner, lease in ms, ttl in ms.  An owner whose answer was lost asks again, and has it.  The owner
# is noted: a server that came back from an old snapshot gives an epoch again, and an owner has a name that nobody else ever has.
CLAIM = """
if redis.call('EXISTS', KEYS[1]) == 0 or redis.call('EXISTS', KEYS[2]) == 0 then return {'gone'} end
if redis.call('HGET', KEYS[1], 'cancelled') then return {'cancelled'} end
if redis.call('HGET', KEYS[2], 'done') then return {'done'} end
if redis.call('SET', KEYS[3], ARGV[1], 'NX', 'PX', ARGV[2]) then
  redis.call('HINCRBY', KEYS[2], 'epoch', 1)
  redis.call('HSET', KEYS[2], 'owner', ARGV[1])
elseif redis.call('GET', KEYS[3]) ~= ARGV[1] then
  return {'taken'}
end
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return {'claimed', redis.call('HGETALL', KEYS[2])}
"""

# KEYS: run, step, claim.  ARGV: owner, lease in ms.
RENEW = """
if redis.call('EXISTS', KEYS[1]) == 0 or redis.call('HGET', KEYS[1], 'cancelled') then return 0 end
if redis.call('HGET', KEYS[2], 'owner') ~= ARGV[1] or redis.call('HGET', KEYS[2], 'done') then return 0 end
if redis.call('HGET', KEYS[2], 'released') == ARGV[1] then return 0 end
redis.call('SET', KEYS[3], ARGV[1], 'PX', ARGV[2])
return 1
"""

# KEYS: step, claim.  ARGV: owner, channel, message.  A thread may be about to prolong it: that comes too late then.
RELEASE = """
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'released', ARGV[1])
redis.call('DEL', KEYS[2])
redis.call('PUBLISH', ARGV[2], ARGV[3])
return 1
"""

# KEYS: run, step, claim; the tape and the readers of each output; the readers of each input.
# ARGV: owner, lease in ms, ttl in ms, epoch, channel, message, checkpoint, how it ends, number of outputs;
#   for each output: its name, keep (0: all), how many chunks, the last entry ('': it goes on); for each of its chunks: how many
#   values are before it and in it, the bytes; for each input: the reader, how far it is, a message.
APPEND = """
if redis.call('EXISTS', KEYS[1]) == 0 then return {'gone'} end
if redis.call('HGET', KEYS[1], 'cancelled') then return {'cancelled'} end
if redis.call('HGET', KEYS[2], 'owner') ~= ARGV[1] then return {'lost'} end
if redis.call('HGET', KEYS[2], 'released') == ARGV[1] then return {'lost'} end
if redis.call('HGET', KEYS[2], 'done') then return {ARGV[8] == '' and 'lost' or 'written'} end
local outputs, at, clock = tonumber(ARGV[9]), 10, redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + tonumber(clock[2]) / 1000
local starts = {}
for i = 1, outputs do
  starts[i] = at
  local keep, chunks = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  if keep > 0 and chunks > 0 then
    local least = nil
    local readers = redis.call('HGETALL', KEYS[3 + 2 * i])
    for r = 1, #readers, 2 do
      local position, expires = string.match(readers[r + 1], '(%d+):(%d+)')
      if expires ~= '0' and tonumber(expires) < now then
        redis.call('HDEL', KEYS[3 + 2 * i], readers[r])
      elseif not least or tonumber(position) < least then
        least = tonumber(position)
      end
    end
    local last = at + 4 + 3 * (chunks - 1)
    if least and tonumber(ARGV[last]) + tonumber(ARGV[last + 1]) - least > keep then return {'full'} end
  end
  at = at + 4 + 3 * chunks
end
for i = 1, outputs do
  local from, tape = starts[i], KEYS[2 + 2 * i]
  local name, keep, chunks = ARGV[from], tonumber(ARGV[from + 1]), tonumber(ARGV[from + 2])
  local count = tonumber(redis.call('HGET', KEYS[2], 'n:' .. name) or '0')
  local before = count
  for c = 0, chunks - 1 do
    local first, size = tonumber(ARGV[from + 4 + 3 * c]), tonumber(ARGV[from + 5 + 3 * c])
    if first == count then
      count = count + size
      redis.call('XADD', tape, string.format('%d-0', count), 'v', ARGV[from + 6 + 3 * c])
    elseif first + size > count then
      return redis.error_reply('dug: a chunk begins at ' .. first .. ', and the tape has ' .. count)
    end
  end
  if count > before then
    redis.call('HSET', KEYS[2], 'n:' .. name, count)
    if keep > 0 then redis.call('XTRIM', tape, 'MINID', string.format('%d-0', math.max(count - keep, 0) + 1)) end
  end
  if ARGV[8] ~= '' then redis.call('XADD', tape, string.format('%d-%s', count, ARGV[4]), 'v', ARGV[from + 3]) end
  redis.call('PEXPIRE', tape, ARGV[3])
end
local readers = 4 + 2 * outputs
while at <= #ARGV do
  redis.call('HSET', KEYS[readers], ARGV[at], ARGV[at + 1] .. ':0')
  redis.call('PEXPIRE', KEYS[readers], ARGV[3])
  redis.call('PUBLISH', ARGV[5], ARGV[at + 2])
  readers, at = readers + 1, at + 3
end
if ARGV[7] ~= '' then redis.call('HSET', KEYS[2], 'checkpoint', ARGV[7]) end
if ARGV[8] ~= '' then
  redis.call('HSET', KEYS[2], 'done', ARGV[8])
  redis.call('DEL', KEYS[3])
else
  redis.call('SET', KEYS[3], ARGV[1], 'PX', ARGV[2])
end
redis.call('PEXPIRE', KEYS[2], ARGV[3])
redis.call('PUBLISH', ARGV[5], ARGV[6])
return {'written'}
"""

# KEYS: run, tape, readers, the step of the tape, the step that reads if it is one.  ARGV: position, how many entries at most, the
# name of the reader ('': nobody waits for it), when its lease ends after ms (0: never), channel, message, ttl in ms, the name of
# the tape, the owner of the step that reads.
# A trip may arrive after what was done later: no writer waits for a step that has ended or has another owner, or for a reader
# that has left.  Where no entry is and one must be, a server that evicts keys has dropped it, or somebody else: nobody would
# write it again.
READ = """
if redis.call('EXISTS', KEYS[1]) == 0 or redis.call('EXISTS', KEYS[4]) == 0 then return {'gone'} end
local known = ARGV[3] ~= '' and redis.call('HGET', KEYS[3], ARGV[3])
local waits = ARGV[3] ~= '' and not (known and tonumber(string.match(known, '%d+')) >= 2 ^ 53)
if waits and KEYS[5] then
  local step = redis.call('HMGET', KEYS[5], 'owner', 'released', 'done')
  waits = step[1] == ARGV[9] and step[2] ~= ARGV[9] and not step[3]
end
if waits then
  local expires = 0
  if ARGV[4] ~= '0' then
    local clock = redis.call('TIME')
    expires = math.floor(tonumber(clock[1]) * 1000 + tonumber(clock[2]) / 1000) + tonumber(ARGV[4])
  end
  redis.call('HSET', KEYS[3], ARGV[3], string.format('%s:%d', ARGV[1], expires))
  redis.call('PEXPIRE', KEYS[3], ARGV[7])
  if not known or string.match(known, '%d+') ~= ARGV[1] then redis.call('PUBLISH', ARGV[5], ARGV[6]) end
end
local entries = redis.call('XRANGE', KEYS[2], '(' .. ARGV[1] .. '-0', '+', 'COUNT', ARGV[2])
if #entries == 0 then
  if redis.call('HGET', KEYS[1], 'cancelled') then return {'cancelled'} end
  local count = tonumber(redis.call('HGET', KEYS[4], 'n:' .. ARGV[8]) or '0')
  if redis.call('HGET', KEYS[4], 'done') or count > tonumber(ARGV[1]) then return {'torn'} end
end
return {'read', entries}
"""

# KEYS: run, then step and claim of each.  Returns the run, and for each step its hash and who has it.
LOOK = """
local found = {redis.call('HGETALL', KEYS[1])}
for i = 2, #KEYS, 2 do
  found[#found + 1] = redis.call('HGETALL', KEYS[i])
  found[#found + 1] = redis.call('GET', KEYS[i + 1])
end
return found
"""

# KEYS: run, step.  ARGV: how often the step was begun, a pause in ms.  Says to one of all who ask that the step is its to send:
# the first time, and again when nobody has begun it after the pause, which is twice as long each time, up to 64 times.
SEND = """
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local epoch, count, at = string.match(redis.call('HGET', KEYS[2], 'sent') or '', '(%d+):(%d+):(%d+)')
if epoch ~= ARGV[1] then count = 0
elseif now < tonumber(at) + tonumber(ARGV[2]) * 2 ^ math.min(tonumber(count) - 1, 6) then return 0 end
redis.call('HSET', KEYS[2], 'sent', string.format('%s:%d:%d', ARGV[1], tonumber(count) + 1, now))
return 1
"""

# KEYS: run, step, the values that it skipped.  ARGV: owner, number, what is said of the value, ttl in ms.
SKIP = """
if redis.call('EXISTS', KEYS[1]) == 0 then return 'gone' end
if redis.call('HGET', KEYS[1], 'cancelled') then return 'cancelled' end
local step = redis.call('HMGET', KEYS[2], 'owner', 'released', 'done')
if step[1] ~= ARGV[1] or step[2] == ARGV[1] or step[3] then return 'lost' end
redis.call('HSET', KEYS[3], ARGV[2], ARGV[3])
redis.call('PEXPIRE', KEYS[3], ARGV[4])
return 'skipped'
"""

# KEYS: run, step, the values that it skipped.  ARGV: owner, from which number on these are tried again.
FORGET = """
if redis.call('EXISTS', KEYS[1]) == 0 then return 'gone' end
local step = redis.call('HMGET', KEYS[2], 'owner', 'released', 'done')
if step[1] ~= ARGV[1] or step[2] == ARGV[1] or step[3] then return 'lost' end
for _, number in ipairs(redis.call('HKEYS', KEYS[3])) do
  if tonumber(number) >= tonumber(ARGV[2]) then redis.call('HDEL', KEYS[3], number) end
end
return 'forgotten'
"""

# KEYS: run; for each step: its hash, its tapes, the readers of those of its inputs that do not keep all.
# ARGV: channel, message, ttl in ms; for each step: its name, how many tapes, how many such inputs, and for each of these from
#   where it goes on.  All in one go: what a step that begins again has to read must be kept from its writer's first append on.
# Who had the step has it no more, so that what it sent before is refused if it arrives after this.
RETRY = """
if redis.call('EXISTS', KEYS[1]) == 0 then return 'gone' end
redis.call('HDEL', KEYS[1], 'cancelled')
local step, at = 2, 4
while at <= #ARGV do
  local tapes, inputs = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  if redis.call('HGET', KEYS[step], 'done') == 'failed' then
    redis.call('HDEL', KEYS[step], 'done')
    redis.call('HSET', KEYS[step], 'released', redis.call('HGET', KEYS[step], 'owner'))
    for i = step + 1, step + tapes do
      local last = redis.call('XREVRANGE', KEYS[i], '+', '-', 'COUNT', 1)
      if last[1] and string.match(last[1][1], '%-0$') == nil then redis.call('XDEL', KEYS[i], last[1][1]) end
    end
    for i = 1, inputs do
      redis.call('HSET', KEYS[step + tapes + i], ARGV[at], ARGV[at + 2 + i] .. ':0')
      redis.call('PEXPIRE', KEYS[step + tapes + i], ARGV[3])
    end
  end
  step, at = step + 1 + tapes + inputs, at + 3 + inputs
end
redis.call('PUBLISH', ARGV[1], ARGV[2])
return 'ready'
"""

# KEYS: run.  ARGV: channel, message.
CANCEL = """
if redis.call('EXISTS', KEYS[1]) == 0 then return 'gone' end
redis.call('HSET', KEYS[1], 'cancelled', 1)
redis.call('PUBLISH', ARGV[1], ARGV[2])
return 'cancelled'
"""

# KEYS: run, readers.  ARGV: the name of the reader, when its lease ends after ms, ttl in ms, how far it is if that is new.
LEASE = """
local known = redis.call('HGET', KEYS[2], ARGV[1])
if not known or redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local clock = redis.call('TIME')
local expires = math.floor(tonumber(clock[1]) * 1000 + tonumber(clock[2]) / 1000) + tonumber(ARGV[2])
redis.call('HSET', KEYS[2], ARGV[1], string.format('%s:%d', ARGV[4] or string.match(known, '%d+'), expires))
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return 1
"""
