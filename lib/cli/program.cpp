#include "cli/program.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <memory>
#include <sstream>
#include <string_view>

#include "base/build_info.h"
#include "base/error.h"
#include "base/log.h"
#include "base/publish.h"
#include "base/stop.h"
#include "base/text.h"

namespace vega::cli {
namespace {

// Declares the fields of an options struct to CLI11.
class Binder final : public OptionVisitor {
 public:
  explicit Binder(CLI::App& app) : app_(app) {}

  void group(const char* title) override { group_ = title; }
  // Values are parsed here: CLI11 would read 0300 as octal and saturate silently.
  void option(const OptionSpec& spec) override {
    const auto read = [spec](const CLI::results_t& values) {
      if (values.size() > 1 && !spec.repeated)
        throw UsageError(explain(long_name(spec.name),
                                 "'" + values[0] + "' and '" + values[1] + "'", "one value",
                                 "give the option once"));
      for (const std::string& value : values) {
        if (value.empty())  // a variable of the shell that is not set
          throw UsageError(explain(long_name(spec.name), "an empty value", spec.placeholder,
                                   "give a value, or leave the option out"));
        spec.set(value);
      }
      return true;
    };
    app_.add_option(spec.name, read, spec.help)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->default_str(spec.standard)
        ->type_name(spec.placeholder)
        ->group(group_);
  }
  void flag(const char* name, bool& value, const char* help) override {
    app_.add_flag(name, value, help)->group(group_);
  }
  void inputs(std::vector<std::string>& values, const char* placeholder,
              const char* help) override {
    std::string name = placeholder;
    while (name.ends_with('.')) name.pop_back();
    app_.add_option(name, values, help)->type_name("");
  }

 private:
  CLI::App& app_;
  std::string group_ = "Options";
};

// Long descriptions are wrapped, defaults stand at their end, groups are one blank line apart.
class HelpFormatter final : public CLI::Formatter {
 public:
  HelpFormatter() { column_width(kNames); }

  std::string make_option_opts(const CLI::Option* option) const override {
    const std::string type = option->get_type_name();
    return type.empty() ? "" : " " + type;
  }

  std::string make_option_desc(const CLI::Option* option) const override {
    std::string text = option->get_description();
    if (const std::string value = option->get_default_str(); !value.empty()) {
      text += " [" + value + "]";
    }
    return wrapped(text);
  }

  std::string make_group(std::string group, bool positional,
                         std::vector<const CLI::Option*> options) const override {
    std::string text = CLI::Formatter::make_group(std::move(group), positional, std::move(options));
    while (text.ends_with("\n\n")) text.pop_back();
    return text;
  }

 private:
  static constexpr std::size_t kNames = 34, kText = 66;

  static std::string wrapped(const std::string& text) {
    std::string out;
    std::size_t column = 0;
    std::istringstream words(text);
    for (std::string word; words >> word;) {
      if (column > 0 && column + 1 + word.size() > kText) {
        out += '\n';
        column = 0;
      }
      if (column > 0) {
        out += ' ';
        ++column;
      }
      out += word;
      column += word.size();
    }
    return out;
  }
};

// What all verbs share.
struct Common {
  LogLevel log_level = LogLevel::kInfo;
  ProgressMode progress = ProgressMode::kAuto;
  std::string config;

  void visit(OptionVisitor& v) {
    v.group("Common");
    v.choice("--log-level", log_level, kLogLevels, "least level shown");
    v.choice("--progress", progress, kProgressModes, "");
    v.text("--config", config, "FILE",
           "read options from an INI or TOML file, which may have a section [VERB] for each verb");
  }
};

// The lines of a configuration file that concern one verb: those before any section, and those of
// its own section. Values are quoted, because CLI11 would split them at commas and blanks.
std::string config_of(const std::string& path, const std::string& text, const Program& program,
                      const std::string& verb) {
  std::string out, section = verb;
  std::istringstream lines(text);
  int number = 0;
  for (std::string line; std::getline(lines, line); out += line + '\n') {
    ++number;
    line = std::string(trim(line));
    if (line.starts_with('[')) {
      section = std::string(trim(line.substr(1, line.find(']') - 1)));
      const auto known = [&](const Verb& one) { return one.name == section; };
      if (std::none_of(program.verbs.begin(), program.verbs.end(), known))
        throw UsageError(explain(fmt::format("{}, line {}", path, number), "'" + line + "'",
                                 "[VERB] of " + program.name));
      line.clear();
    }
    if (section != verb) line.clear();
    const auto equals = line.find('=');
    if (equals == line.npos || line.starts_with('#') || line.starts_with(';')) continue;
    // CLI11 cuts at '#' before it looks at quotes, so the comment goes first.
    const std::string_view value =
        trim(std::string_view(line).substr(equals + 1, line.find('#', equals) - equals - 1));
    if (value.find_first_of("\"'[") == 0 || value.find_first_of(", ") == value.npos) continue;
    line = line.substr(0, equals + 1) + '"' + std::string(value) + '"';
  }
  return out;
}

// CLI11 reads configuration files for the program only, not for a verb.
void read_config(CLI::App& verb, const Program& program, const std::string& path) {
  std::string text;
  try {
    text = read_text(path, "options of " + verb.get_name());
  } catch (const InputError& error) {
    throw UsageError(std::string("--config ") + error.what());
  }
  try {
    std::istringstream lines(config_of(path, text, program, verb.get_name()));
    verb.parse_from_stream(lines);
  } catch (const CLI::ParseError& error) {
    throw UsageError(explain(path, error.what(), "options of " + verb.get_name(),
                             "see " + verb.get_name() + " --help"));
  }
}

// The verbs of a program, for messages: "features, scene".
std::string verb_names(const Program& program) {
  std::string names;
  for (const Verb& verb : program.verbs) names += (names.empty() ? "" : ", ") + verb.name;
  return names;
}

// Refuses an unknown verb with the list of those that exist; CLI11 says only that one is missing.
void check_verb(int argc, char** argv, const Program& program) {
  if (argc < 2 || argv[1][0] == '-') return;
  for (const Verb& verb : program.verbs) {
    if (verb.name == argv[1]) return;
  }
  throw UsageError(
      explain(program.name, "'" + std::string(argv[1]) + "'", "a verb: " + verb_names(program)));
}

// Throws OutputError where the last write did not reach its reader.
void check_stdout() {
  errno = 0;
  std::cout.flush();
  if (std::cout) return;
  const int reason = errno;
  if (reason == EPIPE)
    throw OutputError(explain("stdout", "a broken pipe", "a reader that stays until the end",
                              "run again: what was finished is complete"));
  throw OutputError(explain("stdout", reason == 0 ? "a failed write" : std::strerror(reason), "",
                            output_remedy(reason)));
}

void print_text(const std::string& text) {
  std::cout << text;
  check_stdout();
}

void print_manifest(const std::string& key, const std::string& path) {
  std::cout << key << '\t' << path << '\n';
  check_stdout();
}

int report(int code, const char* message) {
  log_error("{}", message);
  return code;
}

int guarded(const Verb& verb, const Common& common) {
  try {
    const int code = verb.run({common.progress, print_manifest, print_text});
    check_stdout();
    return code;
  } catch (const Error& error) {
    return report(error.exit_code(), error.what());
  } catch (const std::filesystem::filesystem_error& error) {
    return report(3, error.what());  // of inputs: outputs have errors of their own
  } catch (const std::bad_alloc&) {
    return report(
        5, "out of memory; use fewer --threads, or a smaller --batch or --size where there is one");
  } catch (const std::exception& error) {
    log_error("{}", error.what());
    return report(1,
                  "this is a bug in vega: please report it with the command and the lines above");
  }
}

}  // namespace

int run(int argc, char** argv, const Program& program) {
  std::signal(SIGPIPE, SIG_IGN);  // a reader that goes away is an error with a message, exit code 6
  catch_stop_signals();
  set_command_line(argc, argv);
  start_log(program.name, LogLevel::kInfo);
  CLI::App app(program.summary, program.name);
  app.formatter(std::make_shared<HelpFormatter>());
  app.footer("Run '" + program.name + " VERB --help' for the options of a verb.");
  app.set_version_flag("--version", program.name + " " + build_line());
  app.require_subcommand(1);
  app.failure_message(CLI::FailureMessage::simple);
  Common common;
  const Verb* chosen = nullptr;
  for (const Verb& verb : program.verbs) {
    CLI::App* sub = app.add_subcommand(verb.name, verb.summary);
    sub->footer(verb.details);
    sub->allow_config_extras(CLI::config_extras_mode::error);
    Binder binder(*sub);
    verb.options(binder);
    common.visit(binder);
    sub->callback([&chosen, &verb] { chosen = &verb; });
  }
  try {
    check_verb(argc, argv, program);
    app.parse(argc, argv);
    if (!common.config.empty()) read_config(*app.get_subcommands().front(), program, common.config);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    std::string what = error.what();
    if (what == "A subcommand is required")
      what = explain(program.name, "no verb", "a verb: " + verb_names(program));
    log_error("{}; see {} --help", what, program.name);
    return 2;
  } catch (const Error& error) {
    return report(error.exit_code(), error.what());
  }
  start_log(program.name, common.log_level);
  log_info("{} on {}: {}", build_line(), host_name(), command_line());
  return guarded(*chosen, common);
}

}  // namespace vega::cli
