#pragma once

/// @file
/// Which layers of isolation there are, and the level that a set of them amounts to.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace perilune::sandbox {

/// One wall. The order is wire format (bits of `Layers`).
enum class Layer : std::uint8_t {
  OwnUid,  ///< a uid of its own, or a user namespace
  PidNamespace,
  MountNamespace,
  NetNamespace,
  IpcNamespace,
  UtsNamespace,
  CgroupNamespace,
  EmptyRoot,  ///< pivot_root (or MS_MOVE + chroot, or chroot) into an empty read-only directory
  NoCapabilities,
  NoNewPrivileges,
  Rlimits,
  Landlock,
  Mdwe,  ///< PR_SET_MDWE (not with the JIT)
  Seccomp,
  CgroupMemory,
  CgroupPids,
  Count_,
};

inline constexpr std::size_t kLayerCount = static_cast<std::size_t>(Layer::Count_);
[[nodiscard]] std::string_view name(Layer layer) noexcept;

/// A set of layers.
class Layers {
 public:
  constexpr Layers() = default;
  constexpr explicit Layers(std::uint32_t bits) noexcept : bits_{bits} {}
  constexpr void add(Layer layer) noexcept { bits_ |= bit(layer); }
  constexpr void remove(Layer layer) noexcept { bits_ &= ~bit(layer); }
  [[nodiscard]] constexpr bool has(Layer layer) const noexcept { return (bits_ & bit(layer)) != 0; }
  [[nodiscard]] constexpr std::uint32_t bits() const noexcept { return bits_; }
  friend constexpr bool operator==(Layers, Layers) = default;

 private:
  static constexpr std::uint32_t bit(Layer layer) noexcept {
    return 1U << static_cast<unsigned>(layer);
  }
  std::uint32_t bits_ = 0;
};

/// What a set of layers amounts to; higher is stronger. `None` (no seccomp or no no_new_privs)
/// never runs code.
enum class Level : std::uint8_t { None, Filter, Jail, Strong, Full };
[[nodiscard]] std::string_view name(Level level) noexcept;
[[nodiscard]] std::optional<Level> parse_level(std::string_view text) noexcept;
/// The strongest level whose layers are all there. `Mdwe` belongs to none of them: it is reported,
/// not required (docs/decisions/0004-levels-without-mdwe.md).
[[nodiscard]] Level level_of(Layers layers) noexcept;
/// The layers that `level` needs and `layers` lacks.
[[nodiscard]] std::vector<Layer> missing_for(Level level, Layers layers);

/// One layer as the probe found it.
struct LayerFinding {
  Layer layer = Layer::OwnUid;
  bool works = false;
  std::string why;  ///< "unshare(CLONE_NEWNET): Operation not permitted (1)"; empty when it works
  std::string advice;  ///< what to change on this machine
};

}  // namespace perilune::sandbox
