#pragma once

/// @file
/// Which file a `require` means: names to module ids, without looking at any file.
///
/// An id is a path below an import root without its ending: "lib/x" stands for lib/x.lua or
/// lib/x/init.lua. The start file's folder is a root, and each external package has one: package
/// `p` is p.lua or p/init.lua in a folder of the search path, its root is the folder p there, and
/// its id is "".

#include <string>
#include <string_view>
#include <variant>

#include "runtime/script/errors.hpp"

namespace perilune::runtime {

/// What kind of file the importing module is: it decides what `./` and `../` mean.
enum class ModuleKind : std::uint8_t {
  Start,  ///< the start file, or a package's init.lua: its folder is the root
  Init,   ///< x/init.lua is the module x; its children are in x/
  Leaf,   ///< x.lua: no children, its siblings are beside it
};

/// The id that `name` means to the module `from`, or why there is none:
/// `./x` a child (start and init files only), `../x` a sibling, each further `../` one level up,
/// `/x/y` from the root. Components match [a-zA-Z_][a-zA-Z0-9_]*. ModuleNotFound: a valid name of
/// something external ("x", "x/y").
[[nodiscard]] std::variant<std::string, CoreError> locate_module(std::string_view name,
                                                                 std::string_view from,
                                                                 ModuleKind kind);

/// The id of a file below the root: "lib/x.lua" -> "lib/x", "lib/init.lua" -> "lib".
[[nodiscard]] std::string module_id(std::string_view path);

}  // namespace perilune::runtime
