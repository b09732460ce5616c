#include "runtime/worker/check.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

#include "runtime/worker/syntax.hpp"

namespace perilune::worker {
namespace {

using link::FrameType;

std::string summary(const std::vector<Finding>& findings) {
  const Finding& first = findings.front();
  std::string text = first.file;
  if (first.line != 0) text += ':' + std::to_string(first.line);
  if (first.column != 0) text += ':' + std::to_string(first.column);
  if (!text.empty()) text += ": ";
  text += first.message;
  if (findings.size() > 1)
    text += " (and " + std::to_string(findings.size() - 1) + " more findings)";
  return text;
}

}  // namespace

Check::Check(AppConfig config, link::Packing packing)
    : config_{std::move(config)}, packing_{packing}, builder_{config_.limits} {}

Check::~Check() = default;

void Check::add(Finding finding) {
  if (findings_.size() < kMaxFindings) findings_.push_back(std::move(finding));
}

void Check::receive(const link::Chunk& chunk) {
  const std::string_view bytes{reinterpret_cast<const char*>(chunk.data.data()), chunk.data.size()};
  received_ += bytes.size();
  // Beyond the limit nothing is kept; `unpack` says so.
  if (received_ > config_.limits.raw(Limit::BundlePacked)) return;
  if (packing_ != link::Packing::Files) {
    upload_ += bytes;
    return;
  }
  if (chunk.offset == 0) keeping_ = builder_.begin(chunk.path);
  if (keeping_)
    builder_.append(bytes, received_);
  else
    builder_.skip(bytes.size(), received_);
}

Check::State Check::step(Port& control) {
  if (phase_ == Phase::Done) return State::Passed;
  if (control.out.size() > kMaxQueued) return State::Working;
  switch (phase_) {
    case Phase::Unpack:
      unpack();
      phase_ = Phase::Manifest;
      break;
    case Phase::Manifest:
      read_manifest(control);
      next_ = builder_.files().begin();
      phase_ = Phase::Syntax;
      break;
    case Phase::Syntax: next_syntax(); break;
    case Phase::SendFiles: next_piece(control); break;
    case Phase::Done: break;
  }
  // What was unpacked of a damaged archive is not worth more findings.
  const bool done_looking = phase_ == Phase::Manifest || phase_ == Phase::SendFiles;
  if (!findings_.empty() && done_looking) return refuse(control);
  return phase_ == Phase::Done ? State::Passed : State::Working;
}

Check::State Check::refuse(Port& control) {
  for (const Finding& finding : findings_)
    control.out.add_message(FrameType::Diagnostic, 0, finding.view());
  message_ = summary(findings_);
  return State::Refused;
}

void Check::unpack() {
  const std::uint64_t most = config_.limits.raw(Limit::BundlePacked);
  if (received_ > most) {
    builder_.refuse({}, "upload_too_large",
                    "The upload has " + std::to_string(received_) + " bytes; the limit is " +
                        format_limit(spec(Limit::BundlePacked), most) + " (bundle_packed).",
                    "Leave out what the app does not need.");
  } else {
    switch (packing_) {
      case link::Packing::Lua:
        if (builder_.begin(config_.entry)) builder_.append(upload_, upload_.size());
        break;
      case link::Packing::TarGz: read_tar(upload_, builder_); break;
      case link::Packing::Zip: read_zip(upload_, builder_); break;
      case link::Packing::Files: break;
    }
  }
  upload_ = {};
  for (Finding& finding : builder_.findings()) add(std::move(finding));
}

void Check::read_manifest(Port& control) {
  const auto file = builder_.files().find(kManifestName);
  Manifest manifest;
  if (file != builder_.files().end() && manifest.parse(file->second, findings_)) {
    for (const ManifestValue& value : manifest.values())
      control.out.add_message(FrameType::Manifest, 0, value.view());
    apply(manifest);
  }
  check_entry();
}

/// What the dry start needs to know; whether a value is allowed is the host's decision.
void Check::apply(const Manifest& manifest) {
  const ManifestValue* entry = manifest.find("entry");
  if (entry != nullptr && entry->type == link::ValueType::String) config_.entry = entry->value;
  const ManifestValue* port = manifest.find("http.port");
  if (port != nullptr && port->type == link::ValueType::Integer) {
    const std::string& text = port->value;
    std::uint16_t number = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), number).ec == std::errc{})
      config_.http_port = number;
  }
  const Limits ceiling = config_.limits;
  const Limits defaults;
  for (const LimitSpec& row : limit_specs()) {
    const ManifestValue* asked = manifest.find("limits." + std::string{row.key});
    const auto value = asked == nullptr ? Result<std::uint64_t>{defaults.raw(row.limit)}
                                        : parse_limit(row, asked->value);
    if (value && *value >= row.minimum)
      config_.limits.set(row.limit, std::min(*value, ceiling.raw(row.limit)));
  }
  for (const ManifestValue& value : manifest.values()) {
    constexpr std::string_view kEnv = "env.";
    if (value.key.starts_with(kEnv)) config_.env[value.key.substr(kEnv.size())] = value.value;
  }
}

void Check::check_entry() {
  if (builder_.files().contains(config_.entry)) return;
  Finding finding;
  finding.code = "no_entry";
  finding.file = config_.entry;
  finding.message = "The bundle has no entry file \"" + config_.entry + "\".";
  finding.help =
      "Add it at the bundle's top, or name another one in perilune.toml: entry = \"...\"";
  add(std::move(finding));
}

void Check::next_syntax() {
  if (next_ == builder_.files().end()) {
    vm_.reset();
    next_ = builder_.files().begin();
    phase_ = Phase::SendFiles;
    return;
  }
  const auto& [path, source] = *next_;
  ++next_;
  if (!path.ends_with(".lua") && path != config_.entry) return;
  if (vm_ == nullptr) {
    runtime::VmConfig config;
    config.limits = config_.limits;
    auto made = runtime::Vm::create(config, *this, {});
    if (!made) {
      builder_.refuse(path, "memory_limit", made.error().detail, "See memory in the limits.");
      return add(std::move(builder_.findings().back()));
    }
    vm_ = std::move(*made);
  }
  if (auto finding = check_syntax(*vm_, path, source)) add(std::move(*finding));
}

void Check::next_piece(Port& control) {
  while (control.out.size() <= kMaxQueued) {
    if (next_ == builder_.files().end()) {
      phase_ = Phase::Done;
      return;
    }
    const auto& [path, text] = *next_;
    const std::string_view piece = std::string_view{text}.substr(offset_, link::kMaxBodyPiece);
    const link::Chunk chunk{path, static_cast<std::uint32_t>(text.size()),
                            static_cast<std::uint32_t>(offset_), std::as_bytes(std::span{piece})};
    control.out.add_message(FrameType::FileOut, 0, chunk);
    offset_ += piece.size();
    if (offset_ < text.size()) continue;
    offset_ = 0;
    ++next_;
  }
}

}  // namespace perilune::worker
