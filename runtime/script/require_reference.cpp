#include "runtime/script/require_reference.hpp"

#include <array>

namespace perilune::runtime {
namespace {

// Made in import.cpp, in Lua.
constexpr std::array<LuaFunction, 5> kFunctions{{
    {"require", nullptr, true, "require(name) -> module",
     "The module of that name: a table of its globals, or what its file returned. `./x` a child, "
     "`../x` a sibling, `/x` from the root, `x` a built-in module or an external package; each is "
     "`x.lua`, then `x/init.lua`. The first one who asks runs the body, in the calling fiber, "
     "which "
     "may suspend; others wait. Raises `invalid_module_name`, `module_not_found`, "
     "`leaf_cannot_import_child`, `root_cannot_import_parent`, `cyclic_import`, "
     "`current_module_not_known` (category `emilua.core`, field `module`), a syntax error, or what "
     "the body raised. Interruption point where it waits."},
    {"load", nullptr, true, "load(text | reader [, name [, mode [, environment]]]) -> function",
     "Compiles a chunk into the calling module's environment, or the given one; nil and a message "
     "if it does not compile. `reader` is called until it returns nil or an empty string, and may "
     "suspend. In hosted apps only source text is accepted, at most 256 KiB."},
    {"loadstring", nullptr, false, "loadstring(text [, name]) -> function",
     "`load` of a text, as Lua 5.1 calls it."},
    {"loadfile", nullptr, false, "loadfile([path [, mode [, environment]]]) -> function",
     "`load` of a file, which is read while the thread waits. Only under `perilune run`."},
    {"dofile", nullptr, false, "dofile([path]) -> values…",
     "Runs a file in the calling module's environment. Only under `perilune run`."},
}};

}  // namespace

const ModuleReference kRequireReference{
    .name = "require",
    .summary =
        "Modules; the guide is docs/guide/modules.md. Each module's environment begins with the "
        "globals, and has of its own:\n\n"
        " * `_FILE`: the path of its file, a string. Names are resolved against it: assigning the "
        "path of another module of this VM makes this module import as that one.\n"
        " * `_CONTEXT`: `\"main\"`, `\"test\"` (`perilune run --test`), `\"worker\"`, or `\"\"` in "
        "an imported module.\n"
        " * `_G`: the environment itself.\n\n"
        "These functions belong to the module in whose environment they are, wherever they are "
        "called.\n",
    .functions = kFunctions,
    .global = true,
};

}  // namespace perilune::runtime
