// The door of every executable: verbs, options, banner, exceptions to exit codes. The only user of
// CLI11.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/options.h"
#include "base/progress.h"

namespace vega::cli {

// What all verbs share.
struct Common {
  std::string log_level = "info", progress = "auto", config;
  ProgressMode progress_mode() const { return progress_mode_from_name(progress); }
};

struct Verb {
  std::string name, summary;
  std::string details;  // what it does, two examples, see also: below the options in --help
  std::function<void(OptionVisitor&)> options;
  std::function<int(const Common&)> run;  // returns the exit code
};

struct Program {
  std::string name, summary, details;
  std::vector<Verb> verbs;
};

// Parses, logs the banner, runs the verb, and turns exceptions into messages and exit codes
// (docs/formats.md).
int run(int argc, char** argv, Program program);

// Prints an answer on stdout and flushes. Throws OutputError.
void print_text(const std::string& text);

// Prints "key<TAB>path" on stdout and flushes.
void print_manifest(const std::string& key, const std::string& path);

}  // namespace vega::cli
