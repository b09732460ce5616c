#pragma once

/// @file
/// Lua apps that several integration tests deploy.

#include <string>

namespace perilune::test {

/// Answers with `text`.
inline std::string says(const std::string& text) {
  return "return function(sock, req, res) res.body = '" + text + "' end\n";
}

/// Burns CPU until its limit.
inline const char* const kSpins = "return function(sock, req, res) while true do end end\n";

/// Dies by what the target says, else answers "alive".
inline const char* const kDies = R"lua(
return function(sock, req, res)
  if req.target == '/spin' then while true do pcall(function() while true do end end) end end
  res.body = 'alive'
end
)lua";

}  // namespace perilune::test
