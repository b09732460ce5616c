-- Every function of stream and its scanner, over streams of the script's own that suspend.
local stream, regex = require 'stream', require 'regex'
local eof = require 'asio_error'.misc.eof
local function source(text, size)
  local at = 0
  return {read_some = function(_, span)
    this_fiber.yield()
    if at == #text then error(eof, 0) end
    local n = span:copy(text:sub(at + 1, at + size))
    at = at + n
    return n
  end}
end
local out = {text = '', write_some = function(self, span)
  this_fiber.yield()
  self.text = self.text .. tostring(span:first(1))
  return 1
end}

local buffer = byte_span.new(6)
print(stream.read_all(source('abcdefgh', 4), buffer), tostring(buffer))
print(stream.read_at_least(source('abcdefgh', 4), buffer, 2), stream.read_at_least(source('abcdefgh', 4), buffer, 5))
print(stream.write_all(out, 'one '), stream.write_all(out, byte_span.append('two')), stream.write_at_least(out, ' three', 3), out.text)
print(pcall(stream.read_all, source('abc', 4), buffer))
print(pcall(stream.read_all, {read_some = function() return 0 end}, buffer))
print(pcall(stream.write_all, {write_some = function() return 9 end}, 'text'))
print(select(2, pcall(stream.read_at_least, out, buffer, 1)).arg, select(2, pcall(stream.read_at_least, source('', 1), buffer, 7)).arg)

local function show(record)
  if type(record) ~= 'table' then return '<' .. tostring(record) .. '>' end
  local all = {}
  for i, field in ipairs(record) do all[i] = tostring(field) end
  return '[' .. table.concat(all, '|') .. ']'
end
local function all(scanner)
  local line = ''
  repeat
    local ok, record = pcall(scanner.get_line, scanner)
    if ok then
      line = line .. scanner.record_number .. show(record) .. #scanner.record_terminator .. ' '
      assert(show(scanner:buffered_line()) == show(record))
    else
      print(line .. tostring(record))
    end
  until not ok
end
for _, size in ipairs{1, 2, 3, 100} do
  all(stream.scanner.new{stream = source('one\ntwo\r\n\nlast', size)})
  all(stream.scanner.new{stream = source('one\r\n\r\nlast\r', size), record_separator = '\r\n'})
  all(stream.scanner.new{stream = source('one\r\n\ntwo', size), record_separator = regex.new{pattern = [[\r?\n]]}})
  all(stream.scanner.new{stream = source(' a, b ,,c \n\n', size), trim_record = true, field_separator = ','})
  all(stream.scanner.new{stream = source('a, b ,,c\n', size), field_separator = regex.new{pattern = ' *, *'}})
  all(stream.scanner.new{stream = source('x=1;y=22\n', size), field_pattern = regex.new{pattern = [[\d+]]}})
  all(stream.scanner.new{stream = source('abc\nd\n', size), buffer_size_hint = 1, field_separator = function(record)
    this_fiber.yield()
    return {#record, record}
  end})
  all(stream.scanner.with_awk_defaults(source('  a  b\tc \n\nd\n', size)))
  all(stream.scanner.new{stream = source('12345\n123456\n', size), max_record_size = 5})
end

local scanner = stream.scanner.new{stream = source('head\nbody that follows', 100)}
scanner:get_line()
print(select(2, scanner:buffer()))
scanner:remove_line()
local bytes, at = scanner:buffer()
print(at, tostring(bytes:slice(at)), scanner:buffered_line())
scanner:set_buffer(byte_span.append('..other\nrest'), 3)
print(show(scanner:get_line()), scanner.record_number)
print(pcall(scanner.get_line, scanner))
print(select(2, pcall(scanner.set_buffer, scanner, bytes, 0)).arg, select(2, pcall(stream.scanner.new, {stream = out, max_record_size = 1})).arg)
