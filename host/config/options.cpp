#include "host/config/options.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/ip/address.hpp>
#include <charconv>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

#include "runtime/limits.hpp"

namespace perilune::host {
namespace {

Failure bad(std::string detail) { return {"bad_config", std::move(detail)}; }

template <typename T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

template <std::string Config::*Member>
Result<void> set_text(Config& config, std::string_view text) {
  config.*Member = std::string{text};
  return {};
}
template <std::string Config::*Member>
std::string show_text(const Config& config) {
  return config.*Member;
}

template <std::uint32_t Config::*Member, std::uint32_t Low, std::uint32_t High>
Result<void> set_count(Config& config, std::string_view text) {
  const auto value = number<std::uint32_t>(text);
  if (!value || *value < Low || *value > High) {
    return bad("\"" + std::string{text} + "\" is not a whole number from " + std::to_string(Low) +
               " to " + std::to_string(High));
  }
  config.*Member = *value;
  return {};
}
template <std::uint32_t Config::*Member>
std::string show_count(const Config& config) {
  return std::to_string(config.*Member);
}

template <Endpoint Config::*Member>
Result<void> set_endpoint(Config& config, std::string_view text) {
  const auto colon = text.rfind(':');
  const auto port = colon == std::string_view::npos ? std::nullopt
                                                    : number<std::uint16_t>(text.substr(colon + 1));
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(std::string{host}, error);
  if (!port || error || address.is_v6() != bracketed) {
    return bad("\"" + std::string{text} +
               "\" is not ADDRESS:PORT with a literal address, such as \"127.0.0.1:8080\" or "
               "\"[::1]:8080\"");
  }
  config.*Member = Endpoint{address, *port};
  return {};
}
template <Endpoint Config::*Member>
std::string show_endpoint(const Config& config) {
  std::ostringstream text;
  text << config.*Member;
  return text.str();
}

Result<void> set_duration(Config& config, std::string_view text) {
  const auto value = number<std::uint32_t>(text);
  if (!value || *value > 3600000) {
    return bad("\"" + std::string{text} + "\" is not a number of milliseconds up to 3600000");
  }
  config.drain_timeout = std::chrono::milliseconds{*value};
  return {};
}
std::string show_duration(const Config& config) {
  return std::to_string(config.drain_timeout.count());
}

Result<void> set_memory(Config& config, std::string_view text) {
  const auto value = parse_limit(spec(Limit::WorkerMemory), text);
  if (!value) return bad("\"" + std::string{text} + "\" is not a size such as \"8GiB\"");
  config.worker_memory_total = Bytes{*value};
  return {};
}
std::string show_memory(const Config& config) {
  return std::to_string(config.worker_memory_total.count);
}

Result<void> set_store(Config& config, std::string_view text) {
  if (text.starts_with("postgresql://") || text.starts_with("postgres://")) {
    return bad("this build stores in SQLite only; PostgreSQL is not supported yet. Use \"sqlite\"");
  }
  if (text != "sqlite") return bad("\"" + std::string{text} + "\" is not a store; use \"sqlite\"");
  config.store = "sqlite";
  return {};
}

Result<void> set_level(Config& config, std::string_view text) {
  const auto level = sandbox::parse_level(text);
  if (!level || *level == sandbox::Level::None) {
    return bad("\"" + std::string{text} + "\" is not one of full, strong, jail, filter");
  }
  config.require_sandbox = *level;
  return {};
}
std::string show_level(const Config& config) {
  return std::string{sandbox::name(config.require_sandbox)};
}

constexpr std::array<std::string_view, 4> kLogLevels{"debug", "info", "warn", "error"};
Result<void> set_log_level(Config& config, std::string_view text) {
  const auto found = std::find(kLogLevels.begin(), kLogLevels.end(), text);
  if (found == kLogLevels.end()) {
    return bad("\"" + std::string{text} + "\" is not one of debug, info, warn, error");
  }
  config.log_level = static_cast<log::Level>(found - kLogLevels.begin());
  return {};
}
std::string show_log_level(const Config& config) {
  return std::string{kLogLevels[static_cast<std::size_t>(config.log_level)]};
}

Result<void> set_base_domain(Config& config, std::string_view text) {
  const bool fine =
      !text.empty() && text.size() <= 200 && text.front() != '.' && text.back() != '.' &&
      std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
      });
  if (!fine) {
    return bad("\"" + std::string{text} + "\" is not a domain name in lower case, without a port");
  }
  config.base_domain = std::string{text};
  return {};
}

using C = Config;
using T = OptionType;

constexpr std::array kOptions{
    Option{"data_dir", T::Path, "DIR",
           "Where the store, bundles and the operator's token live; made if it is not there.",
           set_text<&C::data_dir>, show_text<&C::data_dir>},
    Option{"gateway", T::Address, "ADDRESS:PORT", "Where apps answer. Port 0 takes a free one.",
           set_endpoint<&C::gateway>, show_endpoint<&C::gateway>},
    Option{"admin", T::Address, "ADDRESS:PORT",
           "Where the control API answers. Keep it off the public network.",
           set_endpoint<&C::admin>, show_endpoint<&C::admin>},
    Option{"metrics", T::Address, "ADDRESS:PORT", "Where /metrics, /livez and /readyz answer.",
           set_endpoint<&C::metrics>, show_endpoint<&C::metrics>},
    Option{"base_domain", T::Text, "DOMAIN", "An app answers at APP.TENANT.DOMAIN.",
           set_base_domain, show_text<&C::base_domain>},
    Option{"threads", T::Count, "N", "Gateway threads. 0: half of the cores, at least one.",
           set_count<&C::threads, 0, 16>, show_count<&C::threads>},
    Option{"store", T::Text, "sqlite", "Where the control plane keeps its data.", set_store,
           show_text<&C::store>},
    Option{"require_sandbox", T::Choice, "full|strong|jail|filter",
           "The weakest isolation that is accepted. Below it the host does not start; "
           "`perilune doctor` says what is missing.",
           set_level, show_level},
    Option{"worker", T::Path, "FILE", "The worker program. Empty: perilune-worker beside perilune.",
           set_text<&C::worker>, show_text<&C::worker>},
    Option{"spares", T::Count, "N",
           "Workers that are started and locked down ahead of need, per class.",
           set_count<&C::spares, 0, 64>, show_count<&C::spares>},
    Option{"max_workers", T::Count, "N",
           "Worker processes at once, spares included. Beyond it idle apps are stopped first.",
           set_count<&C::max_workers, 1, 60000>, show_count<&C::max_workers>},
    Option{"worker_memory_total", T::Size, "SIZE",
           "Memory of all workers together, such as \"8GiB\". Beyond it idle apps are stopped "
           "first, then no more are started. 0: no bound of ours.",
           set_memory, show_memory},
    Option{"cgroup_parent", T::Path, "DIR",
           "The cgroup below which workers get theirs. Empty: our own, if it is writable.",
           set_text<&C::cgroup_parent>, show_text<&C::cgroup_parent>},
    Option{"worker_uid", T::Count, "UID",
           "First of the uids that workers get when the launcher is root: one each.",
           set_count<&C::worker_uid, 1000, 4000000000U>, show_count<&C::worker_uid>},
    Option{"log_level", T::Choice, "debug|info|warn|error",
           "What the host writes to standard output, as JSON lines.", set_log_level,
           show_log_level},
    Option{"drain_timeout_ms", T::Duration, "MS",
           "On SIGTERM: how long requests that run may go on.", set_duration, show_duration},
    Option{"upload_concurrency", T::Count, "N",
           "Uploads that are unpacked and checked at once; others wait.",
           set_count<&C::upload_concurrency, 1, 64>, show_count<&C::upload_concurrency>},
    Option{"metrics_apps", T::Count, "N",
           "Apps with time series of their own; those beyond share tenant=\"_other\".",
           set_count<&C::metrics_apps, 0, 100000>, show_count<&C::metrics_apps>},
};

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({changed, row[j] + 1, row[j - 1] + 1}));
    }
  }
  return row.back();
}

}  // namespace

std::string_view name(OptionType type) noexcept {
  constexpr std::array<std::string_view, 7> kNames{
      "text", "path", "address and port", "number", "size", "milliseconds", "one of"};
  return kNames[static_cast<std::size_t>(type)];
}

std::string Option::flag() const {
  std::string text = "--" + std::string{key};
  std::replace(text.begin(), text.end(), '_', '-');
  return text;
}

std::string Option::variable() const {
  std::string text = "PERILUNE_" + std::string{key};
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return text;
}

std::string Option::toml(const Config& config) const {
  const std::string value = show(config);
  const bool bare =
      type == OptionType::Count || type == OptionType::Duration || type == OptionType::Size;
  if (bare) return value;
  std::string quoted;
  log::append_json_string(quoted, value);
  return quoted;
}

std::span<const Option> options() noexcept { return kOptions; }

const Option* find_option(std::string_view key) noexcept {
  const auto found = std::find_if(kOptions.begin(), kOptions.end(),
                                  [&](const Option& option) { return option.key == key; });
  return found == kOptions.end() ? nullptr : &*found;
}

std::string_view near_miss(std::string_view key) {
  std::string_view best;
  std::size_t distance = std::max<std::size_t>(3, key.size() / 3 + 1);
  if (key.size() > 64) return best;
  for (const Option& option : kOptions) {
    const std::size_t d = edit_distance(key, option.key);
    if (d < distance) {
      distance = d;
      best = option.key;
    }
  }
  return best;
}

}  // namespace perilune::host
