// Groups of options that several verbs have. A verb's options struct holds the groups that it
// needs and shows each to the visitor, so that a word means the same in every verb.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/options.h"

namespace vega {

// --compat of several verbs.
enum class Compat {
  kReference,  // the released pipeline's numbers
  kFixed       // its faults repaired
};

// How a verb calls its inputs in the help.
struct ItemWords {
  const char* placeholder = "INPUT...";
  const char* help = "";
  const char* items = "scenes";  // in the help of --list
  bool key = true;               // has --key
  bool root = false;             // has --root
};

// Which items a run works on: INPUT..., --list, --shard, --key, --root.
struct ItemOptions {
  std::vector<std::string> inputs;
  std::string list, shard, key, root;

  void visit(OptionVisitor& v, const ItemWords& words);
};

// Where outputs go: -o, --tag, --overwrite.
struct OutputOptions {
  std::string out, tag;
  bool overwrite = false;

  void visit(OptionVisitor& v, const char* out_help, const char* tag_help = nullptr);
};

// How a run goes: --threads, --fail-fast, --dry-run, --report.
struct RunOptions {
  std::string report;
  bool fail_fast = false, dry_run = false;
  std::int64_t threads = 0;

  // dry_run_help: null where the verb has no --dry-run. threaded: it has --threads.
  void visit(OptionVisitor& v, const char* dry_run_help = nullptr, bool threaded = true);
  static void visit_threads(OptionVisitor& v, std::int64_t& threads);

  int workers() const;  // --threads; all cores this process may use where it is 0
};

// Where and in which type a run computes: --device, --dtype, --batch.
struct DeviceOptions {
  std::string device = "cpu";
  std::optional<DType> dtype;         // unset: fp32 on the CPU, bf16 on CUDA
  std::optional<std::int64_t> batch;  // unset: auto

  // automatic: what --batch auto stands for, in the help.
  void visit(OptionVisitor& v, const std::string& automatic = "auto fits the memory");
  static void visit_device(OptionVisitor& v, std::string& device, const char* help);
};

// A tag or tap as part of a path. option: who gave it, for messages. Throws UsageError.
void check_tag(const std::string& tag, const std::string& option = "--tag");

}  // namespace vega
