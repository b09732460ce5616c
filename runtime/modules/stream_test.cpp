#include "runtime/modules/stream.hpp"

#include <catch2/catch.hpp>
#include <chrono>
#include <string>

#include "tests/support/script_vm.hpp"

namespace perilune::runtime {
namespace {

using namespace std::chrono_literals;

/// A stream that gives `text` in pieces of `size`, suspending before each.
std::string run(const std::string& script) {
  return test::run_script(R"(
    local stream, regex = require 'stream', require 'regex'
    local eof = require 'asio_error'.misc.eof
    local function source(text, size)
      local at = 0
      return {read_some = function(self, span)
        this_fiber.yield()
        if at == #text then error(eof, 0) end
        local n = span:copy(text:sub(at + 1, at + (size or 1)))
        at = at + n
        return n
      end}
    end
    local function sink(most)
      return {got = '', write_some = function(self, span)
        this_fiber.yield()
        local n = math.min(#span, most or 2)
        self.got = self.got .. tostring(span:first(n))
        return n
      end}
    end
    local function show(record)
      if type(record) == 'userdata' then return '<' .. tostring(record) .. '>' end
      local all = {}
      for i, field in ipairs(record) do all[i] = tostring(field) end
      return '[' .. table.concat(all, '|') .. ']'
    end
    local function lines(options, text, size)
      options.stream = source(text, size)
      local sc, all = stream.scanner.new(options), {}
      while true do
        local ok, record = pcall(sc.get_line, sc)
        if not ok then
          if record ~= eof then all[#all + 1] = tostring(record) end
          return table.concat(all, ' ')
        end
        all[#all + 1] = show(record)
      end
    end
  )" + script);
}

TEST_CASE("whole pieces are read and written over streams that suspend") {
  CHECK(run(R"(
    local span = byte_span.new(5)
    print(stream.read_all(source('hello world', 2), span), tostring(span))
    print(stream.read_at_least(source('hello world', 2), span, 3), stream.read_at_least({read_some = 1}, span, 0))
    local out = sink()
    print(stream.write_all(out, 'seven..'), stream.write_all(out, byte_span.append('abc')), out.got)
    print(stream.write_at_least(sink(3), 'abcdefgh', 4), stream.write_all(sink(), ''))
    local ok, e = pcall(stream.read_all, source('abc', 2), byte_span.new(4))
    print(ok, e == eof)
  )") == "5\thello\n4\t0\n7\t3\tseven..abc\n6\t0\nfalse\ttrue\n");
}

TEST_CASE("a stream that gives nonsense is an error, not a loop") {
  CHECK(run(R"(
    for _, n in ipairs{0, -1, 1.5, 9, 0/0, 1/0, 'x', {}} do
      local io = {read_some = function() return n end, write_some = function() return n end}
      for _, f in ipairs{stream.read_all, stream.write_all} do
        local ok, e = pcall(f, io, byte_span.new(4))
        assert(not ok and e.code == require 'generic_error'.EIO.code, tostring(e))
      end
      assert(not pcall(stream.scanner.new{stream = io}.get_line, stream.scanner.new{stream = io}) or n == 9)
    end
    print(select(2, pcall(stream.read_all, {read_some = function() end}, byte_span.new(4))))
    print(select(2, pcall(stream.write_all, {write_some = function() return 0 end}, 'abc')))
    print(select(2, pcall(stream.read_all, {read_some = function() error('own', 0) end}, byte_span.new(4))))
    local function arg(f, ...) local ok, e = pcall(f, ...) assert(not ok) return e.arg end
    local io, span = source('abc'), byte_span.new(2)
    print(arg(stream.read_all, {}, span), arg(stream.read_all, 1, span), arg(stream.read_all, io, 'x'),
      arg(stream.read_all, io), arg(stream.read_at_least, io, span, 3), arg(stream.read_at_least, io, span, -1),
      arg(stream.read_at_least, io, span, 0.5), arg(stream.read_at_least, io, span), arg(stream.write_all, sink(), 1))
  )") == "the stream's read_some gave nil for 4 bytes\nthe stream's write_some gave 0 for 3 "
         "bytes\nown\n"
         "1\t1\t2\t2\t3\t3\t3\t3\t2\n");
}

TEST_CASE("records are the same however the bytes arrive") {
  CHECK(run(R"(
    local function all(options, text)
      local first = lines(options, text, 1)
      for size = 2, #text + 1 do assert(lines(options, text, size) == first, size) end
      for hint = 1, 9 do
        options.buffer_size_hint = hint
        assert(lines(options, text, 3) == first, hint)
      end
      options.buffer_size_hint = nil
      print(first)
    end
    all({}, 'one\ntwo\r\n\nthree')
    all({}, 'one\n')
    all({}, '')
    all({}, '\n\n')
    all({record_separator = '\r\n'}, 'one\r\n\ntwo\r\r\nthree\r')
    all({record_separator = '--=--'}, 'a--=----=--b--=-c--=--')
    all({record_separator = regex.new{pattern = [[\r?\n]]}}, 'a\r\n\nb\rc\r\n')
    all({record_separator = regex.new{pattern = [[\n+]]}}, 'a\n\n\nb\n\nc\n')
    all({record_separator = regex.new{pattern = [[;|<br>]]}}, 'a<br>b;<b>c<br')
    all({record_separator = regex.new{pattern = [[x*]]}}, 'axxb')
    all({trim_record = true}, '  a b \r\n\t\n c')
    all({trim_record = '-', field_separator = ','}, '--a,b,,c--\n--\n,\n')
    all({field_separator = '::'}, 'a::b:::c\nd')
    all({field_separator = regex.new{pattern = ' *, *'}}, 'a , b,c\n\n,')
    all({field_pattern = regex.new{pattern = '[^,]*'}}, 'a,,b\n\nc,')
    all({field_separator = function(record) this_fiber.yield() return {record:first(1), #record} end}, 'abc\nd\n')
  )") == "<one> <two\r> <> <three>\n<one>\n\n<> <>\n<one> <\ntwo\r> <three\r>\n<a> <> <b--=-c>\n"
         "<a> <> <b\rc>\n<a> <b> <c>\n<a> <b> <<b>c<br>\n<a> <b>\n<a b> <> <c>\n"
         "[a|b||c] [] [|]\n[a|b|:c] [d]\n[a|b|c] [] [|]\n[a||b] [] [c|]\n[a|3] [d|1]\n");
}

TEST_CASE("a record of the greatest size passes, a longer one does not") {
  CHECK(run(R"(
    for _, separator in ipairs{'\n', '--', regex.new{pattern = '\n'}, regex.new{pattern = '-+'}} do
      local text = type(separator) == 'string' and separator or separator == regex and '' or '\n'
      if type(separator) ~= 'string' and regex.match(separator, '-') then text = '-' end
      for size = 1, 13 do
        for hint = 1, 20, 6 do
          local options = {record_separator = separator, max_record_size = 5, buffer_size_hint = hint}
          assert(lines(options, 'aaaaa' .. text .. 'b', size) == '<aaaaa> <b>')
          assert(lines(options, 'aaaaa', size) == '<aaaaa>')
          assert(lines(options, 'aaaaaa' .. text .. 'b', size) == 'a record is longer than 5 bytes')
          assert(lines(options, 'aaaaaa', size) == 'a record is longer than 5 bytes')
        end
      end
    end
    local endless = {read_some = function(self, span) span:fill(97) return #span end}
    local sc = stream.scanner.new{stream = endless}
    local ok, e = pcall(sc.get_line, sc)
    print(e.code == require 'generic_error'.EMSGSIZE.code, e.limit, #sc:buffer() < 200000, pcall(sc.get_line, sc))
  )") == "true\t65536\ttrue\tfalse\ta record is longer than 65536 bytes\n");
}

TEST_CASE("the buffer can be looked at, taken over and replaced") {
  CHECK(run(R"(
    local sc = stream.scanner.new{stream = source('GET /\r\nHost: x\r\n\r\nbody', 100), record_separator = '\r\n'}
    print(sc.record_number, sc.record_terminator, sc:buffered_line(), #sc:buffer(), select(2, sc:buffer()))
    local first = sc:get_line()
    local buffer, at = sc:buffer()
    print(tostring(first), sc.record_number, #sc.record_terminator, at, tostring(sc:buffered_line()))
    sc:remove_line()
    buffer, at = sc:buffer()
    print(at, tostring(buffer:slice(at, at + 3)), sc:buffered_line(), sc.record_number)
    sc:remove_line()
    while #sc:get_line() > 0 do end
    sc:remove_line()
    buffer, at = sc:buffer()
    print(tostring(buffer:slice(at)), tostring(first))
    local own = byte_span.append('xx1\r\n2\r')
    sc:set_buffer(own, 3)
    print(tostring(sc:get_line()), sc.record_number, tostring(sc:get_line()), pcall(sc.get_line, sc))
    print(sc.record_terminator == '', tostring(own), sc.record_number)
    sc:set_buffer(byte_span.new(0))
    sc:set_buffer(own, 8)
    for _, bad in ipairs{0, 9, 1.5, 'x'} do
      local ok, e = pcall(sc.set_buffer, sc, own, bad)
      assert(not ok and e.arg == 3)
    end
    assert(not pcall(sc.set_buffer, sc, 'text') and not pcall(stream.scanner.with_awk_defaults, {}))
    assert(not pcall(sc.get_line, {}) and not pcall(sc.get_line, setmetatable({_start = -1, _next = -1}, {__index = sc})))
    print(getmetatable(sc))
  )") == "0\tnil\tnil\t0\t1\nGET /\t1\t2\t1\tGET /\n8\tHost\tnil\t1\nbody\tGET /\n"
         "1\t4\t2\r\tfalse\tEnd of file\ntrue\txx1\r\n2\r\t5\nstream.scanner\n");
}

TEST_CASE("a bad option of a scanner is named") {
  CHECK(
      run(R"(
    local io, re = source('a'), regex.new{pattern = 'a'}
    local function try(options)
      local ok, e = pcall(stream.scanner.new, options)
      assert(not ok)
      io_names = (io_names or '') .. tostring(type(e) == 'table' and e.arg or 'type') .. ' '
    end
    try() try{} try{stream = {}} try{stream = 1} try{stream = io, record_separator = ''}
    try{stream = io, record_separator = 1} try{stream = io, field_separator = ''}
    try{stream = io, field_separator = true} try{stream = io, field_pattern = 'a'}
    try{stream = io, field_pattern = re, field_separator = ','} try{stream = io, trim_record = ''}
    try{stream = io, trim_record = 1} try{stream = io, buffer_size_hint = 0}
    try{stream = io, buffer_size_hint = 1.5} try{stream = io, max_record_size = 2^31}
    try{stream = io, max_record_size = '1'} try{stream = io, separator = ','} try{io}
    print(io_names)
  )") ==
      "type stream stream stream record_separator record_separator field_separator field_separator "
      "field_pattern field_pattern trim_record trim_record buffer_size_hint buffer_size_hint "
      "max_record_size max_record_size separator 1 \n");
}

TEST_CASE("an error of the stream passes, and reading goes on after it") {
  CHECK(run(R"(
    local calls, inner = 0, source('one\ntwo\n', 3)
    local sc = stream.scanner.new{stream = {read_some = function(self, span)
      calls = calls + 1
      if calls == 2 then error('now and then', 0) end
      return inner:read_some(span)
    end}}
    print(pcall(sc.get_line, sc))
    print(tostring(sc:get_line()), tostring(sc:get_line()), sc.record_number)
    local waiting = stream.scanner.new{stream = {read_some = function() time_sleep() end}}
    local f = spawn(function() waiting.get_line(waiting) end)
    print(pcall(f.join, f))
  )")
            .find("false\tnow and then\none\ttwo\t2\nfalse\t") == 0);
}

TEST_CASE("time and memory grow with the bytes, however few come at a time") {
  const auto begin = std::chrono::steady_clock::now();
  CHECK(run(R"(
    local limits = require 'perilune'.limits
    local byte = {read_some = function(self, span) span[1] = 97 return 1 end}
    for _, separator in ipairs{'\n', regex.new{pattern = [[\r?\n]]}, regex.new{pattern = '[ \t]*\n'}} do
      local sc = stream.scanner.new{stream = byte, record_separator = separator, max_record_size = 100000}
      assert(not pcall(sc.get_line, sc))
    end
    assert(limits().memory.used < 8 * 1024 * 1024)
    print 'ok'
  )") == "ok\n");
  CHECK(std::chrono::steady_clock::now() - begin < 10s);
}

}  // namespace
}  // namespace perilune::runtime
