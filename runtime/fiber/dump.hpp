#pragma once

/// @file
/// All fibers of a VM at once: as text for a terminal, as JSON for the control API.

#include <cstddef>
#include <string>

#include "runtime/vm/vm.hpp"

namespace perilune::runtime {

/// A paragraph per fiber, oldest first: what it does, what it waits on and who holds that, its
/// traceback. Between two `Vm::run`, on the VM's thread; nothing in the VM changes.
[[nodiscard]] std::string fibers_text(Vm& vm);

/// `{"total":N,"fibers":[…]}`, oldest first; as many as fit into `most` bytes. The members of a
/// fiber: docs/operations/fiber-dumps.md. Valid JSON and UTF-8 whatever scripts call their things.
[[nodiscard]] std::string fibers_json(Vm& vm, std::size_t most);

}  // namespace perilune::runtime
