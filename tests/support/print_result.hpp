#pragma once

/// @file
/// Lets Catch2 check a Result as such: a failure prints its code and sentence.

#include <boost/system/result.hpp>
#include <catch2/catch.hpp>
#include <string>

namespace Catch {

template <typename T, typename E>
struct StringMaker<boost::system::result<T, E>> {
  static std::string convert(const boost::system::result<T, E>& result) {
    return result.has_value() ? "a value"
                              : "failure " + result.error().code + ": " + result.error().detail;
  }
};

}  // namespace Catch
