#include "runtime/modules/http_options.hpp"

#include <array>

#include "runtime/vm/vm.hpp"

namespace perilune::runtime {
namespace {

struct Row {
  Limit limit;
  std::size_t HttpLimits::*field;
};
constexpr std::array<Row, 7> kRows{{
    {Limit::Target, &HttpLimits::target},
    {Limit::Header, &HttpLimits::header},
    {Limit::Headers, &HttpLimits::headers},
    {Limit::HeaderCount, &HttpLimits::header_count},
    {Limit::Body, &HttpLimits::body},
    {Limit::ResponseHeaders, &HttpLimits::response_headers},
    {Limit::ResponseHeaderCount, &HttpLimits::response_header_count},
}};

}  // namespace

HttpLimits http_limits_of(const Vm& vm) noexcept {
  HttpLimits limits;
  for (const Row& row : kRows) limits.*row.field = vm.config().limits.raw(row.limit);
  return limits;
}

std::size_t* find_http_option(HttpLimits& limits, std::string_view name) noexcept {
  for (const Row& row : kRows) {
    if (spec(row.limit).key == name) return &(limits.*row.field);
  }
  return nullptr;
}

}  // namespace perilune::runtime
