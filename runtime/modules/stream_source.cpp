#include "runtime/modules/scanner.hpp"

namespace perilune::runtime {
namespace {

// `c`: the helpers. Everything else it needs it was given, so that a script that replaces a global
// changes nothing here.
constexpr std::string_view kStream = R"lua(
local c = ...
local type, floor, error, pcall, setmetatable = c.type, c.floor, c.error, c.pcall, c.setmetatable
local bad_argument, bad_option, broken = c.bad_argument, c.bad_option, c.broken
local check_span, check_bytes, check_count = c.check_span, c.check_bytes, c.check_count
local slice = c.slice

local function method(io, name, argument)
  local kind = type(io)
  local f
  if kind == 'table' or kind == 'userdata' or kind == 'cdata' then f = io[name] end
  if f == nil then bad_argument(argument or 1) end
  return f
end

-- What a stream says it did. Nothing, more than asked for, or no count would loop for ever.
local function done(n, most, name)
  if type(n) ~= 'number' or not (n >= 1 and n <= most) or floor(n) ~= n then
    broken(n, most, name)
  end
  return n
end

-- `enough` of `size` bytes.
local function move(io, f, span, size, enough, name)
  local count = 0
  while count < enough do
    local rest = span
    if count > 0 then rest = slice(span, count + 1, size) end
    count = count + done(f(io, rest), size - count, name)
  end
  return count
end

local stream = {}

function stream.read_all(io, span)
  local f = method(io, 'read_some')
  local size = check_span(span, 2)
  return move(io, f, span, size, size, 'read_some')
end

function stream.read_at_least(io, span, least)
  local f = method(io, 'read_some')
  local size = check_span(span, 2)
  return move(io, f, span, size, check_count(least, 0, size, 3), 'read_some')
end

function stream.write_all(io, data)
  local f = method(io, 'write_some')
  local span, size = check_bytes(data, 2)
  return move(io, f, span, size, size, 'write_some')
end

function stream.write_at_least(io, data, least)
  local f = method(io, 'write_some')
  local span, size = check_bytes(data, 2)
  return move(io, f, span, size, check_count(least, 0, size, 3), 'write_some')
end
)lua";

// A scanner is a table. Its buffer's bytes _start.._filled are not consumed; the record that was
// read last ends before _next, if _next is not _start. The buffer's bytes are never written again:
// a new buffer takes the place of a full one, so records stay as they are.
constexpr std::string_view kScanner = R"lua(
local new_span, copy, find_end, is_eof = c.new_span, c.copy, c.find_end, c.is_eof
local trimmed, text, too_long, same = c.trimmed, c.text, c.too_long, c.rawequal
local scanner = {}
local methods = {}
local class = {__index = methods, __metatable = 'stream.scanner'}

-- Room behind the buffered bytes. What moves is at most half of the new buffer: each byte moves
-- less than twice.
local function make_room(self)
  local free = self._size - self._filled
  local pending = self._filled - self._start + 1
  if free > 0 and (free * 8 >= self._hint or pending * 2 >= self._size) then return end
  local size = pending * 2
  if size < self._hint then size = self._hint end
  local buffer = new_span(size)
  if pending > 0 then copy(buffer, slice(self._buffer, self._start, self._filled)) end
  self._buffer, self._size, self._filled = buffer, size, pending
  self._scanned = self._scanned - self._start + 1
  self._start, self._next = 1, 1
end

-- Reads once. The end of the stream is noted, any other error passes.
local function fill(self)
  make_room(self)
  local first, most = self._filled + 1, self._size - self._filled
  local stream, buffer = self._stream, self._buffer
  local ok, n = pcall(self._read, stream, slice(buffer, first, self._size))
  if ok then
    done(n, most, 'read_some')
    if same(self._buffer, buffer) then self._filled = first - 1 + n end
  elseif is_eof(n) then
    self._ended = n
  else
    error(n, 0)
  end
end

local function finish(self, last, terminator, next)
  local record = slice(self._buffer, self._start, last)
  if self._trim then record = trimmed(record, self._trim) end
  self._next = next
  self.record_terminator = terminator
  self.record_number = self.record_number + 1
  local split = self._split
  if split then record = split(record, self._by) end
  self._record = record
  return record
end

function methods:get_line()
  self:remove_line()
  while true do
    local buffer, start, filled = self._buffer, self._start, self._filled
    local first, last = find_end(buffer, start, filled, self._scanned, self._separator,
                                 self._ended ~= nil)
    if last then
      if first - start > self._max then too_long(self._max) end
      return finish(self, first - 1, text(slice(buffer, first, last)), last + 1)
    end
    self._scanned = first
    if first - start > self._max or filled + 1 - start > self._most then too_long(self._max) end
    if self._ended then
      if filled < start then error(self._ended, 0) end
      if filled + 1 - start > self._max then too_long(self._max) end
      return finish(self, filled, '', filled + 1)
    end
    fill(self)
  end
end

function methods:buffered_line() return self._record end

function methods:remove_line()
  if self._start ~= self._next then
    self._start, self._scanned = self._next, self._next
  end
  self._record = nil
end

function methods:buffer()
  return slice(self._buffer, 1, self._filled), self._start
end

function methods:set_buffer(span, offset)
  local size = check_span(span, 2)
  if offset == nil then offset = 1 end
  offset = check_count(offset, 1, size + 1, 3)
  self._buffer, self._size, self._filled = span, size, size
  self._start, self._next, self._scanned = offset, offset, offset
  self._record, self._ended = nil, nil
end

local function make(io, read)
  return setmetatable({
    record_number = 0,
    _stream = io, _read = read, _separator = '\n', _hint = 4096, _max = 65536, _most = 135168,
    _buffer = new_span(0), _size = 0, _filled = 0, _start = 1, _next = 1, _scanned = 1,
  }, class)
end

function scanner.new(options)
  local o = c.options(options)
  if o.stream == nil then bad_option('stream') end
  local self = make(o.stream, method(o.stream, 'read_some', 'stream'))
  local separator, pattern = o.field_separator, o.field_pattern
  if o.record_separator ~= nil then self._separator = o.record_separator end
  if o.buffer_size_hint then self._hint = o.buffer_size_hint end
  if o.max_record_size then self._max = o.max_record_size end
  self._most = self._max * 2 + 4096
  if o.trim_record then self._trim = o.trim_record end
  if pattern ~= nil then
    self._split, self._by = c.split_pattern, pattern
  elseif type(separator) == 'function' then
    self._split = separator
  elseif type(separator) == 'string' then
    self._split, self._by = c.split_text, separator
  elseif separator ~= nil then
    self._split, self._by = c.split_regex, separator
  end
  return self
end

function scanner.with_awk_defaults(io)
  local self = make(io, method(io, 'read_some'))
  self._trim, self._split = true, c.split_blanks
  return self
end

stream.scanner = scanner
return stream
)lua";

}  // namespace

std::string_view stream_source() noexcept { return kStream; }
std::string_view scanner_source() noexcept { return kScanner; }

}  // namespace perilune::runtime
