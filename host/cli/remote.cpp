#include "host/cli/remote.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <cstdio>
#include <functional>
#include <vector>

#include "api/auth/principal.hpp"
#include "host/cli/pack.hpp"
#include "host/cli/rest_client.hpp"

namespace perilune::host {
namespace {

namespace json = boost::json;

constexpr int kRefused = 1;
constexpr int kBadUsage = 2;

int say(const Failure& failure) {
  std::fprintf(stderr, "perilune: %s\n", failure.detail.c_str());
  return kBadUsage;
}

int bad_app(const std::string& app) {
  std::fprintf(stderr, "perilune: \"%s\" is not TENANT/APP in lower-case letters, digits and -\n",
               app.c_str());
  return kBadUsage;
}

std::string text_at(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || value->is_null()) return {};
  return value->is_string() ? std::string{value->get_string()} : json::serialize(*value);
}

json::object parse_object(const std::string& body) {
  boost::system::error_code error;
  json::value value = json::parse(body, error);
  return !error && value.is_object() ? std::move(value.get_object()) : json::object{};
}

void append_diagnostic(std::string& text, const json::object& found) {
  const std::string file = text_at(found, "file");
  const std::string line = text_at(found, "line");
  const std::string column = text_at(found, "column");
  if (!file.empty()) text += file + ":";
  if (!line.empty() && line != "0") text += line + ":";
  if (!column.empty() && column != "0") text += column + ":";
  if (!file.empty()) text += " ";
  text += text_at(found, "severity") + ": " + text_at(found, "message") + "\n";
  if (const auto excerpt = text_at(found, "excerpt"); !excerpt.empty())
    text += "    " + excerpt + "\n";
  if (const auto help = text_at(found, "help"); !help.empty()) text += "    help: " + help + "\n";
}

/// Asks, and hands a good answer's object to `show`.
int ask(RestClient& client, const std::string& method, const std::string& target,
        const std::function<void(const json::object&)>& show, const std::string& body = {},
        const std::string& content_type = {}) {
  const auto answer = client.request(method, target, body, content_type);
  if (!answer) return say(answer.error());
  if (answer->status >= 300) {
    std::fputs(render_problem(answer->status, answer->body).c_str(), stderr);
    return kRefused;
  }
  show(parse_object(answer->body));
  return 0;
}

void show_items(const json::object& page, const std::function<void(const json::object&)>& show) {
  const json::value* items = page.if_contains("items");
  if (items == nullptr || !items->is_array()) return;
  for (const json::value& item : items->get_array()) {
    if (item.is_object()) show(item.get_object());
  }
}

/// A host's operator need not make the tenant first: a 404 for it is answered by making it, which
/// only an operator's token may.
Result<RestResponse> upload(RestClient& client, const AppName& name, const std::string& target,
                            const Package& package) {
  auto answer = client.request("POST", target, package.body, package.content_type);
  if (!answer || answer->status != 404) return answer;
  const json::object tenant{{"slug", name.tenant}};
  const auto made =
      client.request("POST", "/v1/tenants", json::serialize(tenant), "application/json");
  if (!made || made->status >= 300) return answer;
  return client.request("POST", target, package.body, package.content_type);
}

int send(const std::string& path, const std::string& app, const std::string& suffix,
         const std::function<void(const json::object&)>& show) {
  const auto name = AppName::parse(app);
  if (!name) return bad_app(app);
  auto client = RestClient::from_environment();
  if (!client) return say(client.error());
  const auto package = pack(path);
  if (!package) return say(package.error());
  const auto answer = upload(*client, *name, name->path() + suffix, *package);
  if (!answer) return say(answer.error());
  if (answer->status >= 300) {
    std::fputs(render_problem(answer->status, answer->body).c_str(), stderr);
    return kRefused;
  }
  show(parse_object(answer->body));
  return 0;
}

void warn(const json::object& answer) {
  const json::value* found = answer.if_contains("diagnostics");
  if (found == nullptr || !found->is_array()) return;
  std::string text;
  for (const json::value& one : found->get_array()) {
    if (one.is_object()) append_diagnostic(text, one.get_object());
  }
  std::fputs(text.c_str(), stderr);
}

int ask_app(const std::string& app, const std::string& method, const std::string& suffix,
            const std::function<void(const json::object&)>& show) {
  const auto name = AppName::parse(app);
  if (!name) return bad_app(app);
  auto client = RestClient::from_environment();
  if (!client) return say(client.error());
  return ask(*client, method, name->path() + suffix, show);
}

}  // namespace

std::optional<AppName> AppName::parse(const std::string& text) {
  const auto slash = text.find('/');
  if (slash == std::string::npos) return std::nullopt;
  AppName name{text.substr(0, slash), text.substr(slash + 1)};
  if (!api::is_slug(name.tenant) || !api::is_slug(name.app)) return std::nullopt;
  return name;
}

std::string AppName::path() const { return "/v1/tenants/" + tenant + "/apps/" + app; }

std::string render_problem(unsigned status, const std::string& body) {
  const json::object problem = parse_object(body);
  if (problem.empty()) return std::to_string(status) + ": " + body + "\n";
  std::string text;
  const json::value* diagnostics = problem.if_contains("diagnostics");
  if (diagnostics != nullptr && diagnostics->is_array()) {
    for (const json::value& found : diagnostics->get_array()) {
      if (found.is_object()) append_diagnostic(text, found.get_object());
    }
  }
  text += "perilune: " + text_at(problem, "title");
  if (const auto detail = text_at(problem, "detail"); !detail.empty()) text += ": " + detail;
  text += " (" + std::to_string(status) + " " + text_at(problem, "code") + ")\n";
  return text;
}

int deploy(const std::string& path, const std::string& app, const std::string& message) {
  std::string suffix = "/versions?deploy=true&wait=ready";
  if (!message.empty()) suffix += "&message=" + percent_encode(message);
  return send(path, app, suffix, [&](const json::object& answer) {
    warn(answer);
    std::string version = text_at(answer, "version");
    if (version.empty()) version = text_at(answer, "id");
    std::printf("deployed %s, version %s\n%s\n", app.c_str(), version.substr(0, 12).c_str(),
                text_at(answer, "url").c_str());
  });
}

int check(const std::string& path, const std::string& app) {
  return send(path, app, "/check", [](const json::object& answer) {
    warn(answer);
    std::puts("ok");
  });
}

int list_apps(const std::string& tenant) {
  if (!api::is_slug(tenant)) return say({"bad_usage", "\"" + tenant + "\" is not a tenant"});
  auto client = RestClient::from_environment();
  if (!client) return say(client.error());
  return ask(*client, "GET", "/v1/tenants/" + tenant + "/apps", [](const json::object& page) {
    show_items(page, [](const json::object& app) {
      const json::value* status = app.if_contains("status");
      const std::string state = status != nullptr && status->is_object()
                                    ? text_at(status->get_object(), "state")
                                    : text_at(app, "state");
      std::printf("%-40s %s\n", text_at(app, "slug").c_str(), state.c_str());
    });
  });
}

int list_versions(const std::string& app) {
  return ask_app(app, "GET", "/versions", [](const json::object& page) {
    show_items(page, [](const json::object& version) {
      std::string id = text_at(version, "version");
      if (id.empty()) id = text_at(version, "id");
      std::printf("%-12s  %s  %s\n", id.substr(0, 12).c_str(),
                  text_at(version, "created_at").c_str(), text_at(version, "message").c_str());
    });
  });
}

int rollback(const std::string& app) {
  return ask_app(app, "POST", "/deployments/rollback", [&](const json::object& deployment) {
    std::printf("%s is back at version %s\n", app.c_str(),
                text_at(deployment, "version").substr(0, 12).c_str());
  });
}

namespace {

/// What an app wrote must not steer the terminal of whoever reads it.
std::string printable(std::string text) {
  for (char& c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < ' ' && c != '\n' && c != '\t') || byte == 0x7f) c = '?';
  }
  return text;
}

std::string words(const json::object& object, const char* name, const char* before) {
  const std::string text = text_at(object, name);
  return text.empty() ? text : before + text;
}

/// Like `perilune run --dump-on` has it.
void print_fiber(const json::object& fiber) {
  std::string text = "fiber " + text_at(fiber, "id") + ": " + text_at(fiber, "state");
  if (const json::value* waits = fiber.if_contains("waits"); waits && waits->is_object()) {
    const json::object& wait = waits->get_object();
    text += words(wait, "operation", " in ") + words(wait, "resource", ", ") +
            words(wait, "holder", ", waits for fiber ");
    if (const json::value* age = wait.if_contains("age_ms"); age && age->is_number())
      text += ", for " + std::to_string(std::llround(age->to_number<double>())) + " ms";
  }
  text += words(fiber, "request_id", ", request ") + "\n";
  if (const json::value* frames = fiber.if_contains("traceback"); frames && frames->is_array()) {
    for (const json::value& frame : frames->get_array()) {
      if (frame.is_string()) text += "\t" + std::string{frame.get_string().c_str()} + "\n";
    }
  }
  std::fputs(printable(std::move(text)).c_str(), stdout);
}

}  // namespace

int show_fibers(const std::string& app) {
  const auto name = AppName::parse(app);
  if (!name) return bad_app(app);
  auto client = RestClient::from_environment();
  if (!client) return say(client.error());
  std::vector<std::string> vms;
  const int listed = ask(*client, "GET", name->path() + "/vms", [&](const json::object& page) {
    show_items(page, [&](const json::object& vm) { vms.push_back(text_at(vm, "id")); });
  });
  if (listed != 0) return listed;
  if (vms.empty()) std::puts("The app runs no VM now.");
  int worst = 0;
  for (const std::string& vm : vms) {
    const int asked = ask(*client, "GET", name->path() + "/vms/" + percent_encode(vm) + "/fibers",
                          [&](const json::object& dump) {
                            std::printf("VM %s\n", vm.c_str());
                            const json::value* fibers = dump.if_contains("fibers");
                            if (fibers == nullptr || !fibers->is_array()) return;
                            for (const json::value& fiber : fibers->get_array()) {
                              if (fiber.is_object()) print_fiber(fiber.get_object());
                            }
                          });
    worst = std::max(worst, asked);
  }
  return worst;
}

int show_logs(const std::string& app) {
  return ask_app(app, "GET", "/logs?order=asc&limit=100", [](const json::object& page) {
    show_items(page, [](const json::object& entry) {
      std::printf("%s %-5s %s\n", text_at(entry, "time").c_str(), text_at(entry, "level").c_str(),
                  printable(text_at(entry, "message")).c_str());
    });
  });
}

}  // namespace perilune::host
