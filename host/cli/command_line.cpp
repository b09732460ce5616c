#include "host/cli/command_line.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdio>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "host/cli/remote.hpp"
#include "host/cli/run_command.hpp"
#include "host/cli/version.hpp"
#include "host/config/load.hpp"
#include "host/config/options.hpp"
#include "host/serve.hpp"
#include "sandbox/doctor.hpp"
#include "sandbox/launcher.hpp"

namespace perilune::host {
namespace {

constexpr int kBadUsage = 2;

/// The options of the table that one command was given.
class ServeFlags {
 public:
  explicit ServeFlags(CLI::App& command) {
    config_ = command.add_option("--config", file_, "TOML file with these options as keys")
                  ->type_name("FILE");
    for (const Option& option : options()) {
      std::string& text = texts_.emplace_back();
      const Config defaults;
      const std::string value = option.show(defaults);
      given_[std::string{option.key}] = {
          command
              .add_option(option.flag(), text,
                          std::string{option.doc} + (value.empty() ? "" : " [" + value + "]"))
              ->type_name(std::string{option.hint}),
          &text};
    }
  }
  [[nodiscard]] Result<Config> load() const {
    ConfigSources sources;
    sources.environment = perilune_environment();
    if (config_->count() != 0) sources.file = file_;
    for (const auto& [key, flag] : given_) {
      if (flag.first->count() != 0) sources.flags[key] = *flag.second;
    }
    return load_config(sources);
  }

 private:
  std::string file_;
  CLI::Option* config_ = nullptr;
  std::deque<std::string> texts_;
  std::map<std::string, std::pair<CLI::Option*, std::string*>> given_;
};

int complain(const Failure& failure) {
  std::fprintf(stderr, "perilune: %s\n", failure.detail.c_str());
  return kBadUsage;
}

int doctor(const Config& config) {
  const auto findings = sandbox::probe(launcher_config(config));
  std::fputs(sandbox::render_doctor(findings, config.require_sandbox).c_str(), stdout);
  return sandbox::level_of(sandbox::working(findings)) >= config.require_sandbox ? 0 : 1;
}

/// One parser with its commands; `run` is what the chosen one does.
struct Commands {
  CLI::App app{"Perilune hosts Lua apps, each in a sandboxed process of its own."};
  std::function<int()> run;
  std::string path;
  std::string name;
  std::string message;
  std::unique_ptr<ServeFlags> serve_flags;
  std::unique_ptr<ServeFlags> doctor_flags;

  void add_local() {
    CLI::App* serve = app.add_subcommand("serve", "Serve apps: gateway, control API, metrics.");
    serve_flags = std::make_unique<ServeFlags>(*serve);
    serve->callback([this] {
      run = [this] {
        const auto config = serve_flags->load();
        return config ? host::serve(*config) : complain(config.error());
      };
    });
    CLI::App* doctor_command =
        app.add_subcommand("doctor", "Which isolation layers work on this machine.");
    doctor_flags = std::make_unique<ServeFlags>(*doctor_command);
    doctor_command->callback([this] {
      run = [this] {
        const auto config = doctor_flags->load();
        return config ? doctor(*config) : complain(config.error());
      };
    });
    // Listed here; parsed by run_command.
    app.add_subcommand("run", "Run a Lua program here, without a host.");
  }

  CLI::App* add_remote(const char* command, const char* what, std::function<int()> body) {
    CLI::App* sub = app.add_subcommand(command, what);
    sub->callback([this, body = std::move(body)] { run = body; });
    return sub;
  }
  void add_remotes() {
    const auto with_app = [this](CLI::App* sub) {
      sub->add_option("--app", name, "TENANT/APP")->required();
      return sub;
    };
    CLI::App* up = with_app(add_remote("deploy", "Upload a file or folder and let it serve.",
                                       [this] { return host::deploy(path, name, message); }));
    up->add_option("path", path, "a .lua file, a folder, a tar.gz or a zip")->required();
    up->add_option("--message", message, "what is new, for the list of versions");
    CLI::App* look =
        with_app(add_remote("check", "Everything that an upload checks; nothing is stored.",
                            [this] { return host::check(path, name); }));
    look->add_option("path", path, "a .lua file, a folder, a tar.gz or a zip")->required();
    with_app(add_remote("versions", "An app's versions.", [this] { return list_versions(name); }));
    with_app(add_remote("rollback", "Back to the version before.",
                        [this] { return host::rollback(name); }));
    with_app(add_remote("fibers", "What every fiber of an app is doing now.",
                        [this] { return show_fibers(name); }));
    with_app(add_remote("logs", "What an app logged last.", [this] { return show_logs(name); }));
    add_remote("apps", "A tenant's apps.", [this] { return list_apps(name); })
        ->add_option("--tenant", name, "TENANT")
        ->required();
  }
};

}  // namespace

int command_line(int argc, char** argv) {
  const std::vector<std::string_view> words{argv, argv + argc};
  if (words.size() > 1 && words[1] == "run")
    return run_command(words[0], std::span{words}.subspan(2));
  Commands commands;
  commands.app.set_version_flag("--version", version_text(), "versions of all parts");
  commands.app.require_subcommand(1);
  commands.app.footer(
      "deploy, check, apps, versions, rollback, fibers and logs read PERILUNE_URL (default "
      "http://127.0.0.1:8081) and PERILUNE_TOKEN.");
  commands.add_local();
  commands.add_remotes();
  try {
    commands.app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return commands.app.exit(error) == 0 ? 0 : kBadUsage;
  }
  return commands.run();
}

}  // namespace perilune::host
