#include "runtime/script/prelude.hpp"

#include "runtime/script/bytecode.hpp"

namespace perilune::runtime {
namespace {

// Everything it needs is a local: a script that replaces string.sub or pcall changes nothing here.
// Arguments: the C primitives, the global table, whether the profile is Hosted.
constexpr const char* kSource = R"lua(
local c, G, hosted = ...
local type, error, select, stock_tostring, pcall = G.type, G.error, G.select, G.tostring, G.pcall
local sub, byte, stock_format = G.string.sub, G.string.byte, G.string.format
local concat, unpack = G.table.concat, G.unpack
local floor = G.math.floor

-- Not the stock one for numbers: where that runs out of memory LuaJIT writes its error over a frame.
local number_text = c.number_text
local tostring = stock_tostring
if hosted then
  local custom = c.custom_tostring
  function tostring(v)
    local kind = type(v)
    if kind == 'number' then return number_text(v) end
    if kind == 'string' or kind == 'boolean' or kind == 'nil' then return stock_tostring(v) end
    local own = custom(v)
    if own then return own(v) end
    return kind
  end
  G.tostring = tostring
end

local write = c.write
function G.print(...)
  local count, texts = select('#', ...), {...}
  for i = 1, count do
    local text = tostring(texts[i])
    if type(text) ~= 'string' and type(text) ~= 'number' then
      error("'tostring' must return a string to 'print'", 2)
    end
    texts[i] = text
  end
  return write(concat(texts, '\t', 1, count))
end

local format_check = c.format_check
function G.string.format(format, ...)
  local at = format_check(format, ...)
  if not at then return stock_format(format, ...) end
  local count, values = select('#', ...), {...}
  repeat
    values[at] = tostring(values[at])
    if type(values[at]) ~= 'string' then error("'tostring' must return a string", 2) end
    at = format_check(format, unpack(values, 1, count))
  until not at
  return stock_format(format, unpack(values, 1, count))
end

local gsub_plain, gsub_next = c.gsub, c.gsub_next
local function replacement(by, is_table, first, stop, capture, ...)
  if first == nil then return nil end
  local value
  if is_table then value = by[capture] else value = by(capture, ...) end
  return first, stop, value
end
function G.string.gsub(s, p, by, most)
  local kind, kind_s, kind_p = type(by), type(s), type(p)
  if kind_s == 'number' then s, kind_s = number_text(s), 'string' end
  if kind_p == 'number' then p, kind_p = number_text(p), 'string' end
  if (kind ~= 'function' and kind ~= 'table') or kind_s ~= 'string' or kind_p ~= 'string'
      or (most ~= nil and type(most) ~= 'number') then
    return gsub_plain(s, p, by, most)
  end
  local is_table, anchored, size = kind == 'table', byte(p, 1) == 94, #s
  local parts, used, at, count = {}, 0, 1, 0
  most = most or size + 1
  while count < most do
    local first, stop, value = replacement(by, is_table, gsub_next(s, p, at))
    if first == nil then break end
    count = count + 1
    if first > at then
      used = used + 1
      parts[used] = sub(s, at, first - 1)
    end
    if not value then
      value = sub(s, first, stop - 1)
    else
      kind = type(value)
      if kind ~= 'string' and kind ~= 'number' then
        error('invalid replacement value (a ' .. kind .. ')', 2)
      end
    end
    used = used + 1
    parts[used] = value
    at = stop
    if stop == first then
      if first > size then break end
      used = used + 1
      parts[used] = sub(s, first, first)
      at = first + 1
    end
    if anchored then break end
  end
  if at <= size then
    used = used + 1
    parts[used] = sub(s, at)
  end
  return concat(parts, '', 1, used), count
end

local sort_plain = c.sort_plain
local function ascending(a, b) return a < b end
-- Quicksort (median of three, the smaller part first), short parts by insertion. Elements are only
-- ever swapped, so whatever a comparator does the table keeps its elements.
function G.table.sort(t, less)
  if type(t) ~= 'table' then return sort_plain(t) end
  if less == nil then
    if sort_plain(t) then return end
    less = ascending
  elseif type(less) ~= 'function' then
    error("bad argument #2 to 'sort' (function expected, got " .. type(less) .. ')', 2)
  end
  local pending, top, lo, hi = {}, 0, 1, #t
  while true do
    while hi - lo > 10 do
      local mid = floor((lo + hi) / 2)
      if less(t[hi], t[lo]) then t[lo], t[hi] = t[hi], t[lo] end
      if less(t[mid], t[lo]) then
        t[mid], t[lo] = t[lo], t[mid]
      elseif less(t[hi], t[mid]) then
        t[mid], t[hi] = t[hi], t[mid]
      end
      local pivot, i, j = t[mid], lo, hi - 1
      t[mid], t[hi - 1] = t[hi - 1], pivot
      while true do
        i = i + 1
        while less(t[i], pivot) do
          if i >= hi then error('invalid order function for sorting', 2) end
          i = i + 1
        end
        j = j - 1
        while less(pivot, t[j]) do
          if j <= lo then error('invalid order function for sorting', 2) end
          j = j - 1
        end
        if j < i then break end
        t[i], t[j] = t[j], t[i]
      end
      t[hi - 1], t[i] = t[i], t[hi - 1]
      top = top + 2
      if i - lo < hi - i then
        pending[top - 1], pending[top] = i + 1, hi
        hi = i - 1
      else
        pending[top - 1], pending[top] = lo, i - 1
        lo = i + 1
      end
    end
    for i = lo + 1, hi do
      local j = i
      while j > lo and less(t[j], t[j - 1]) do
        t[j], t[j - 1] = t[j - 1], t[j]
        j = j - 1
      end
    end
    if top == 0 then return end
    lo, hi, top = pending[top - 1], pending[top], top - 2
  end
end

c.raw_pcall = pcall
-- What each module has of its own. `require` and `load` act for the module whose environment they
-- were taken from; the code behind them is loaded when one of them is called first.
local functions, load_functions = nil, c.load_functions
local names = {'require', 'load', 'loadstring'}
if not hosted then names[4], names[5] = 'loadfile', 'dofile' end
c.concat = concat
function c.bind(env)
  env._G = env
  for i = 1, #names do
    local name = names[i]
    env[name] = function(...)
      functions = functions or load_functions(env)
      return functions[name](env, ...)
    end
  end
end

local report = c.report
function c.deferred(functions)
  return function()
    for i = 1, #functions do
      local ok, message = c.scoped_pcall(functions[i])
      if not ok then report('deferred function: ' .. tostring(message)) end
    end
  end
end
)lua";

}  // namespace

void push_prelude(lua_State* L) {
  static const Bytecode code{kSource};
  code.push(L);
}

}  // namespace perilune::runtime
