#pragma once

/// @file
/// How the engine shows fibers' deaths on standard error: colours and the level of detail, as the
/// environment says.

#include <string>

#include "runtime/fiber/panic.hpp"

namespace perilune::runtime {

/// `EMILUA_COLORS` (1 or 0) decides about colours; without it `NO_COLOR` forbids them, and a
/// terminal gets them. `EMILUA_LOG_LEVELS=N[,domain:N…]` below 3 hides panics.
struct Terminal {
  bool colors = false;
  bool panics = true;
  std::string warning;  ///< a line about a setting that makes no sense; empty: none

  /// Of the process' environment and its standard error.
  [[nodiscard]] static Terminal from_environment();
  /// `is_terminal`: standard error is one. Null pointers: not set.
  [[nodiscard]] static Terminal from(const char* emilua_colors, const char* no_color,
                                     const char* log_levels, bool is_terminal);

  /// The lines that tell of a panic, ending with a newline.
  [[nodiscard]] std::string show(const Panic& panic) const;
};

}  // namespace perilune::runtime
