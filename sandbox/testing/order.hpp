#pragma once

/// @file
/// What a test tells the test worker to do; the answer is one `long`: a result or -errno.

#include <array>
#include <cstdint>

namespace perilune::sandbox::testing {

struct Order {
  enum What : std::uint32_t {
    Ping,      ///< answers 1
    Call,      ///< system call `number` with `arguments`
    Call32,    ///< the same through int 0x80, without arguments
    Execute,   ///< writes machine code into a page and runs it
    Touch,     ///< maps and writes arguments[0] bytes
    Exit,      ///< ends with status `number`
    Segfault,  ///< writes to address 0
    Thread,    ///< another thread makes a forbidden call, this one spins
    Spin,      ///< never answers
  };
  What what = Ping;
  std::uint32_t unused = 0;
  std::int64_t number = 0;
  std::array<std::uint64_t, 6> arguments{};
};

}  // namespace perilune::sandbox::testing
