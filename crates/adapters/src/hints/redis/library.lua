-- Koi's hints. Every function touches keys of one hash tag only, and each call is one round trip.
--
-- A bucket's directory is a string: the life of the directory (4 random bytes), then entries of one width, one a
-- shopper, in the order of their first use. An entry's place is the shopper's ordinal in the bucket. Bitmaps carry the
-- life of the directory that their places are from: after an eviction of one of the two the other counts as empty.
local LIFE = 4

-- The place of an entry and the directory's life; else nothing, and what the directory holds. `guess` is where a node
-- saw it last: it is looked at first, and only that is read where it is right.
local function find(dir, entry, guess)
  local width = #entry
  if guess >= 0 then
    local from = LIFE + guess * width
    if redis.call('GETRANGE', dir, from, from + width - 1) == entry then
      return guess, redis.call('GETRANGE', dir, 0, LIFE - 1)
    end
  end
  local all = redis.call('GET', dir)
  if not all then return nil end
  local from = LIFE + 1
  while true do
    local at = string.find(all, entry, from, true)
    if not at then return nil, nil, all end
    local offset = at - 1 - LIFE
    if offset % width == 0 then return offset / width, string.sub(all, 1, LIFE) end
    from = at + 1
  end
end

local function find_or_add(dir, entry, guess, life)
  local place, found, all = find(dir, entry, guess)
  if place then return place, found end
  all = all or life
  -- Written as a whole: a string that is appended to is given twice the room it needs.
  redis.call('SET', dir, all .. entry)
  return (#all - LIFE) / #entry, string.sub(all, 1, LIFE)
end

local function is_of(key, life)
  return redis.call('GETRANGE', key, 0, LIFE - 1) == life
end

local function bit(key, place, life)
  return is_of(key, life) and redis.call('GETBIT', key, LIFE * 8 + place) == 1
end

-- The whole room at once and exactly, since a bitmap that grows is given twice what it needs.
local function set_bit(key, place, life, room, ttl_ms)
  if not is_of(key, life) then
    redis.call('SET', key, life .. string.rep('\0', room), 'PX', ttl_ms)
  end
  redis.call('SETBIT', key, LIFE * 8 + place, 1)
end

-- KEYS directory, this second, the last one. ARGV entry, guess, a new life, room, time to live.
-- The place where the draw may begin, -1 - place where another one is running.
local function begin(keys, args)
  local place, life = find_or_add(keys[1], args[1], tonumber(args[2]), args[3])
  if bit(keys[2], place, life) or bit(keys[3], place, life) then return -1 - place end
  set_bit(keys[2], place, life, tonumber(args[4]), args[5])
  return place
end

-- KEYS directory, this second, the last one. ARGV entry, guess. How many bits were cleared.
local function finish(keys, args)
  local place, life = find(keys[1], args[1], tonumber(args[2]))
  if not place then return 0 end
  local cleared = 0
  for i = 2, 3 do
    if bit(keys[i], place, life) then
      redis.call('SETBIT', keys[i], LIFE * 8 + place, 0)
      cleared = cleared + 1
    end
  end
  return cleared
end

-- KEYS directory, marks. ARGV as of begin. The place.
local function mark(keys, args)
  local place, life = find_or_add(keys[1], args[1], tonumber(args[2]), args[3])
  set_bit(keys[2], place, life, tonumber(args[4]), args[5])
  return place
end

-- KEYS directory, marks. ARGV entry, guess. The place where it is marked, else -1.
local function marked(keys, args)
  local place, life = find(keys[1], args[1], tonumber(args[2]))
  if place and bit(keys[2], place, life) then return place end
  return -1
end

-- The generic cell rate algorithm (ATM Forum 1996): the key holds when the bucket is full again, in microseconds.
-- KEYS bucket. ARGV now, time between two requests, burst. Milliseconds to wait, 0 where the request may go on.
local function admit(keys, args)
  local now, every = tonumber(args[1]), tonumber(args[2])
  local full = every * tonumber(args[3])
  local due = tonumber(redis.call('GET', keys[1]) or '') or now
  -- A clock that went back must not keep anybody out for longer than an empty bucket does.
  due = math.max(now, math.min(due, now + full))
  local wait = due + every - now - full
  if wait > 0 then return math.ceil(wait / 1000) end
  redis.call('SET', keys[1], string.format('%.0f', due + every), 'PX', math.ceil((due + every - now) / 1000))
  return 0
end

-- Keeps a value that starts with a stamp of fixed width, unless one with a higher stamp is kept.
-- KEYS value. ARGV value, width of the stamp, time to live.
local function keep(keys, args)
  local width = tonumber(args[2])
  if redis.call('GETRANGE', keys[1], 0, width - 1) > string.sub(args[1], 1, width) then return 0 end
  redis.call('SET', keys[1], args[1], 'PX', args[3])
  return 1
end

redis.register_function('koi_begin_VERSION', begin)
redis.register_function('koi_finish_VERSION', finish)
redis.register_function('koi_mark_VERSION', mark)
redis.register_function{function_name='koi_marked_VERSION', callback=marked, flags={'no-writes'}}
redis.register_function('koi_admit_VERSION', admit)
redis.register_function('koi_keep_VERSION', keep)
