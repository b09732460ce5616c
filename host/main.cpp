#include <cstdio>
#include <exception>

#include "host/cli/command_line.hpp"

int main(int argc, char** argv) {
  try {
    return perilune::host::command_line(argc, argv);
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "perilune: %s\n", failure.what());
    return 70;  // EX_SOFTWARE
  }
}
