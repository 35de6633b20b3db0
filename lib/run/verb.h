// A verb of a program: `vega-extract features` is the verb "features". It lives in its room; the
// program's main names it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/options.h"
#include "run/context.h"
#include "run/run.h"

namespace vega {

struct Verb {
  std::string name, summary;
  std::string details;  // what it does, two examples, see also: below the options in --help
  std::function<void(OptionVisitor&)> options;
  std::function<int(const Context&)> run;  // returns the exit code
};

// A verb of an options struct that has visit(OptionVisitor&).
template <typename Options>
Verb make_verb(std::string name, std::string summary, std::string details,
               RunResult (*run)(const Options&, const Context&)) {
  const auto options = std::make_shared<Options>();
  return {std::move(name), std::move(summary), std::move(details),
          [options](OptionVisitor& v) { options->visit(v); },
          [options, run](const Context& context) { return run(*options, context).exit_code; }};
}

}  // namespace vega
