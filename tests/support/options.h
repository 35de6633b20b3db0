// Sets options of a verb from texts, as its command line does.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/options.h"

namespace vega::test {

// Looks for one option among those that are shown.
class OptionSetter final : public OptionVisitor {
 public:
  OptionSetter(std::string name, std::string text)
      : name_(std::move(name)), text_(std::move(text)) {}

  bool found() const { return found_; }
  void group(const char*) override {}
  void option(const OptionSpec& spec) override {
    if (long_name(spec.name) != name_) return;
    found_ = true;
    spec.set(text_);
  }
  void flag(const char*, bool&, const char*) override {}
  void inputs(std::vector<std::string>&, const char*, const char*) override {}

 private:
  std::string name_, text_;
  bool found_ = false;
};

// name: "--view". Throws UsageError (the text), std::logic_error (the verb has no such option).
template <typename Options>
void set(Options& options, const std::string& name, const std::string& text) {
  OptionSetter setter(name, text);
  options.visit(setter);
  if (!setter.found()) throw std::logic_error("no option " + name);
}

// The message of the UsageError that a text is refused with; "" where it is taken.
template <typename Options>
std::string refused_text(Options& options, const std::string& name, const std::string& text) {
  try {
    set(options, name, text);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

}  // namespace vega::test
