#pragma once

/// @file
/// The first half of a check: from the bytes of an upload to files, findings and the settings that
/// the dry start needs. In steps, so that pings are answered in between.

#include <memory>
#include <string>
#include <vector>

#include "runtime/link/messages.hpp"
#include "runtime/vm/vm.hpp"
#include "runtime/worker/app.hpp"
#include "runtime/worker/bundle.hpp"
#include "runtime/worker/manifest.hpp"
#include "runtime/worker/port.hpp"

namespace perilune::worker {

class Check final : private runtime::VmHost {
 public:
  /// Findings that one check reports.
  static constexpr std::size_t kMaxFindings = 200;
  /// Bytes that may wait for the control link before the next step is taken.
  static constexpr std::size_t kMaxQueued = 256 * 1024;

  enum class State : std::uint8_t {
    Working,  ///< call `step` again
    Refused,  ///< findings were sent: answer Failed with `message()`
    Passed,   ///< all files were sent: start the app with `config()` and `take_files()`
  };

  /// `config.limits` is the ceiling: what the manifest asks for counts up to it.
  Check(AppConfig config, link::Packing packing);
  ~Check() override;
  Check(const Check&) = delete;
  Check& operator=(const Check&) = delete;

  /// A piece of the upload, in order.
  void receive(const link::Chunk& chunk);
  /// Does a bounded piece of work and sends what came of it.
  [[nodiscard]] State step(Port& control);

  [[nodiscard]] const std::string& message() const noexcept { return message_; }
  [[nodiscard]] const AppConfig& config() const noexcept { return config_; }
  [[nodiscard]] Files take_files() noexcept { return std::move(builder_.files()); }

 private:
  enum class Phase : std::uint8_t { Unpack, Manifest, Syntax, SendFiles, Done };

  void log(const runtime::LogLine&) override {}
  [[nodiscard]] std::optional<std::string> read_source(const std::string&) override {
    return std::nullopt;
  }

  void unpack();
  void read_manifest(Port& control);
  void apply(const Manifest& manifest);
  void next_syntax();
  void check_entry();
  void next_piece(Port& control);
  [[nodiscard]] State refuse(Port& control);
  void add(Finding finding);

  AppConfig config_;
  link::Packing packing_;
  BundleBuilder builder_;
  std::string upload_;
  std::uint64_t received_ = 0;
  bool keeping_ = false;  ///< Packing::Files: the file that arrives is kept
  std::vector<Finding> findings_;
  std::unique_ptr<runtime::Vm> vm_;  ///< compiles, runs nothing
  Phase phase_ = Phase::Unpack;
  Files::const_iterator next_{};
  std::size_t offset_ = 0;
  std::string message_;
};

}  // namespace perilune::worker
