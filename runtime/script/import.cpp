#include "runtime/script/import.hpp"

#include "runtime/script/bytecode.hpp"
#include "runtime/script/prelude.hpp"

namespace perilune::runtime {
namespace {

// A module's record is made before its body runs, so whoever needs the module meanwhile finds it:
//   id, root, kind, context   what the names in its `require` mean
//   loader                    the fiber that runs its body
//   loaded, failed, value     how that ended
//   aborted                   it failed because its importer was interrupted or over budget
// All fields are there from the start: setting one later must not run out of memory.
constexpr const char* kSource = R"lua(
local c, G = ...
local type, error, rawget, setfenv, pcall = G.type, G.error, G.rawget, G.setfenv, c.raw_pcall
local concat, bind = c.concat, c.bind
local native, locate, load_module, raise_unknown = c.native, c.locate, c.load_module, c.raise_unknown
local wait, wake, fiber, aborted = c.wait, c.wake, c.fiber, c.aborted
local load_text, source_limit = c.load_text, c.source_limit
local run_body, scope, scope_cleanup_push = G.pcall, G.scope, G.scope_cleanup_push

local modules, by_file = {}, {}

local function new_record(id, root, kind, context, path)
  local record = {id = id, root = root, kind = kind, context = context, loader = kind == 'start' and 0 or fiber(),
                  loaded = false, failed = false, aborted = false, value = false}
  by_file[path] = record
  return record
end

-- The inner call is the fibers' own pcall: a scope, and an interruption point before anything ran.
local function outcome(entered, ok, ...)
  if entered then return ok, ... end
  return false, ok
end

local function run(key, record, name, body, env)
  modules[key] = record
  scope(function()
    -- Under a verdict nothing but handlers runs any more: whoever waits begins anew.
    scope_cleanup_push(function()
      if record.loaded then return end
      record.aborted, record.failed, record.loaded = true, true, true
      modules[key] = nil
      wake(key)
    end)
    local ok, result = outcome(pcall(run_body, body, name))
    if ok then
      local kind = type(result)
      if kind == 'table' or kind == 'function' or kind == 'userdata' then env = result end
      record.value = env
    else
      record.aborted, record.failed, record.value = aborted(result), true, result
      modules[key] = nil
    end
    record.loaded = true
    wake(key)
  end)
end

-- Runs in the fiber that imports. `env` is the environment that the `require` belongs to.
local function import(env, name)
  if type(name) ~= 'string' then
    error("bad argument #1 to 'require' (string expected, got " .. type(name) .. ')', 2)
  end
  local value = native(name)
  if value ~= nil then return value end
  local me = by_file[rawget(env, '_FILE')]
  if me == nil then raise_unknown(name) end
  local id, root, path, kind = locate(name, me.id, me.kind, me.root)
  local key = root .. ':' .. id
  local record = modules[key]
  if record == nil then
    local context = root == me.root and me.context == 'test' and 'test' or ''
    local body, own
    body, own, kind, path = load_module(name, id, root, path, kind, context)
    record = new_record(id, root, kind, context, path)
    if own == nil then
      record.loaded, record.value = true, body
      modules[key] = record
    else
      bind(own)
      run(key, record, name, body, own)
      if record.failed then error(record.value, 0) end
    end
  elseif not record.loaded then
    wait(key, name, record.loader)
    -- What went wrong with the other importer, not with the module, is not ours.
    if record.aborted then return import(env, name) end
  end
  if record.failed then error(record.value, 0) end
  return record.value
end

local function read_all(reader)
  local parts, used, size = {}, 0, 0
  while true do
    local part = reader()
    if part == nil or part == '' then return concat(parts, '', 1, used) end
    if type(part) ~= 'string' then return nil, 'reader function must return a string' end
    used, size = used + 1, size + #part
    if size > source_limit then return nil, 'chunk too large' end
    parts[used] = part
  end
end

local functions = {require = import}
function functions.load(env, chunk, name, mode, into)
  if type(chunk) == 'function' then
    local text, message = read_all(chunk)
    if not text then return nil, message end
    return load_text(text, name or '=(load)', mode, into or env)
  end
  return load_text(chunk, name, mode, into or env)
end
function functions.loadstring(env, text, name) return load_text(text, name, nil, env) end
local loadfile = G.loadfile
function functions.loadfile(env, file, mode, into)
  local f, message = loadfile(file, mode)
  if f then return setfenv(f, into or env) end
  return f, message
end
function functions.dofile(env, file)
  local f, message = loadfile(file)
  if not f then error(message, 0) end
  return setfenv(f, env)()
end

return function(id, root, path, context)
  modules[root .. ':' .. id] = new_record(id, root, 'start', context, path)
  return functions
end
)lua";

}  // namespace

void push_import(lua_State* L) {
  static const Bytecode code{kSource};
  code.push(L);
}

}  // namespace perilune::runtime
