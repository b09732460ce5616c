#pragma once

/// @file
/// What do a request's fields mean for its framing? Collects them one by one and refuses what would
/// have two readings.

#include <cstdint>
#include <string_view>

#include "host/http1/head_parser.hpp"

namespace perilune::http1 {

/// Fills a RequestHead from its fields. `head` must outlive it.
class FieldCollector {
 public:
  explicit FieldCollector(RequestHead& head) noexcept : head_{head} {}

  /// Takes one field, already split and free of control bytes.
  [[nodiscard]] Refusal add(const link::Header& field);
  /// After the last: are they consistent?
  [[nodiscard]] Refusal finish();

 private:
  [[nodiscard]] Refusal host(const link::Header& field);
  [[nodiscard]] Refusal length(const link::Header& field);
  void connection(std::string_view value) noexcept;

  RequestHead& head_;
  bool host_seen_ = false;
  bool length_seen_ = false;
  bool encoding_seen_ = false;
  bool close_ = false;
  bool keep_ = false;
};

}  // namespace perilune::http1
