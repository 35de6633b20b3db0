// The items of a run through three stages side by side: while one item computes, the next one is
// prepared (read, decoded) and the one before is finished (written, verified, renamed). Lists,
// signals, failures, manifest and report are the same for every verb that makes a file an item.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/items.h"
#include "base/report.h"

namespace vega {

// One item on its way. The stages are called once each, in this order; prepare and finish on
// another thread than compute. What a stage throws as InputError is the item's failure; every other
// error ends the run. Destroyed before its time, an item leaves nothing behind.
class ItemWork {
 public:
  virtual ~ItemWork() = default;
  virtual void prepare() = 0;
  virtual bool complete() const = 0;  // after prepare(): nothing is left to do
  virtual void compute() = 0;
  virtual void finish() = 0;
  virtual double wait_s() const = 0;  // of compute(): seconds without anything to compute
  virtual double load_s() const = 0;  // of compute(): seconds of loading a model
  virtual std::string output() const = 0;
  // Outcome, numbers and notes for the report; called when all is done.
  virtual void describe(ItemReport& report) const = 0;
};

struct RunOptions {
  std::string report;      // FILE.json; empty: none
  bool fail_fast = false;  // stop at the first item that fails
  bool alone = false;      // one input, not a list: its failure is the run's own error
  bool heavy = false;      // computing is what takes long: say how long it had to wait
  std::function<void(const std::string& key, const std::string& path)> manifest;
};

struct RunResult {
  int done = 0, complete = 0, failed = 0;
  int exit_code = 0;
};

// Prints a manifest line for each item that is finished or was complete, in the order of the items.
// exit_code: 0, or 4 when items of a list failed. Throws what ends the run (Stopped, OutputError,
// DeviceError, ModelError, UsageError), after finished items have been named and the report says
// so.
RunResult run_items(const std::vector<Item>& items, const RunOptions& options,
                    const std::function<std::unique_ptr<ItemWork>(const Item&)>& make);

}  // namespace vega
