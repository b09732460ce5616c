#pragma once

/// @file
/// The modules that every VM has, in the engine and in hosted apps, besides those of the fibers.

#include <span>

#include "runtime/vm/vm.hpp"

namespace perilune::runtime {

/// One row a module; `require` finds them by name after those that `Vm::create` was given.
[[nodiscard]] std::span<const NativeModule> standard_modules() noexcept;

}  // namespace perilune::runtime
