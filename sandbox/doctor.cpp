#include "sandbox/doctor.hpp"

namespace perilune::sandbox {
namespace {

constexpr std::size_t kNameColumn = 22;

std::string padded(std::string_view text, std::size_t width) {
  std::string out{text};
  out.resize(std::max(width, out.size() + 1), ' ');
  return out;
}

/// "strong needs: cgroup memory limit, cgroup pids limit".
std::string need(Level level, Layers layers) {
  std::string text{name(level)};
  text += " needs:";
  std::string_view separator = " ";
  for (const Layer layer : missing_for(level, layers)) {
    text += separator;
    text += name(layer);
    separator = ", ";
  }
  return text + "\n";
}

std::string verdict(Layers layers, Level required) {
  const Level level = level_of(layers);
  std::string text = "\nIsolation level: " + std::string{name(level)};
  if (level == Level::None) text += " (no worker can be started here)";
  text += "\n";
  if (level == Level::Full) return text;
  const auto next = static_cast<Level>(static_cast<unsigned>(level) + 1);
  text += "The next level, " + need(next, layers);
  if (required > next) text += "The required level, " + need(required, layers);
  if (level < required) {
    text += "Perilune does not start apps here: `" + std::string{name(required)} +
            "` is required. Change what the table says";
    if (level != Level::None) {
      text += ", or accept less by name: --require-sandbox " + std::string{name(level)};
    }
    text += ".\n";
  }
  return text;
}

}  // namespace

Layers working(const std::vector<LayerFinding>& findings) noexcept {
  Layers layers;
  for (const LayerFinding& finding : findings) {
    if (finding.works) layers.add(finding.layer);
  }
  return layers;
}

std::string render_doctor(const std::vector<LayerFinding>& findings, Level required) {
  std::string text = padded("Layer", kNameColumn) + "State\n";
  for (const LayerFinding& finding : findings) {
    text += padded(name(finding.layer), kNameColumn) + (finding.works ? "works" : "missing") + "\n";
    if (finding.works) continue;
    if (!finding.why.empty()) text += "    why:    " + finding.why + "\n";
    if (!finding.advice.empty()) text += "    change: " + finding.advice + "\n";
  }
  return text + verdict(working(findings), required);
}

}  // namespace perilune::sandbox
