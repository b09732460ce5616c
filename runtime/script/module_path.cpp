#include "runtime/script/module_path.hpp"

#include <algorithm>

namespace perilune::runtime {
namespace {

constexpr std::size_t kMaxName = 255;

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool valid_component(std::string_view text) {
  return !text.empty() && (text[0] < '0' || text[0] > '9') &&
         std::all_of(text.begin(), text.end(), is_word);
}

/// "a/b/c" of valid components.
bool valid_path(std::string_view text) {
  for (;;) {
    const auto slash = text.find('/');
    if (!valid_component(text.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    text.remove_prefix(slash + 1);
  }
}

std::string joined(std::string_view folder, std::string_view rest) {
  std::string path{folder};
  if (!path.empty()) path += '/';
  return path.append(rest);
}

}  // namespace

std::variant<std::string, CoreError> locate_module(std::string_view name, std::string_view from,
                                                   ModuleKind kind) {
  if (name.size() > kMaxName) return CoreError::InvalidModuleName;
  std::string_view rest = name;
  std::string_view folder;
  if (rest.starts_with('/')) {
    rest.remove_prefix(1);
  } else if (rest.starts_with("./")) {
    if (kind == ModuleKind::Leaf) return CoreError::LeafCannotImportChild;
    rest.remove_prefix(2);
    if (kind == ModuleKind::Init) folder = from;
  } else if (rest.starts_with("../")) {
    folder = kind == ModuleKind::Start ? std::string_view{} : from;
    while (rest.starts_with("../")) {
      if (folder.empty()) return CoreError::RootCannotImportParent;
      rest.remove_prefix(3);
      const auto slash = folder.rfind('/');
      folder = slash == std::string_view::npos ? std::string_view{} : folder.substr(0, slash);
    }
  } else {
    return valid_path(rest) ? CoreError::ModuleNotFound : CoreError::InvalidModuleName;
  }
  if (!valid_path(rest)) return CoreError::InvalidModuleName;
  return joined(folder, rest);
}

std::string module_id(std::string_view path) {
  if (path.ends_with(".lua")) path.remove_suffix(4);
  if (path.ends_with("/init")) path.remove_suffix(5);
  return std::string{path};
}

}  // namespace perilune::runtime
