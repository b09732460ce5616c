#pragma once

/// @file
/// The route table: which row answers a method and a path.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "api/rest/call.hpp"

namespace perilune::api {

/// Every route, in the order of the documentation.
[[nodiscard]] const std::vector<const Route*>& all_routes();

struct Match {
  const Route* route = nullptr;  ///< null: no such path, or see `allow`
  std::map<std::string, std::string> params;
  std::string allow;  ///< methods of the path when it has not this one
};
/// `segments` are decoded. HEAD finds the GET route.
[[nodiscard]] Match match_route(std::string_view method, const std::vector<std::string>& segments);

/// The words of a Route's blank-separated column.
[[nodiscard]] std::vector<std::string_view> words(std::string_view list);
/// The names between braces, "path..." as "path".
[[nodiscard]] std::vector<std::string_view> parameters_of(const Route& route);

}  // namespace perilune::api
