// The one loop over the items of a run. Three stages go side by side: while one item computes, the
// next one is prepared (read, decoded) and the one before is finished (written, verified, renamed).
// Lists, signals, failures, manifest and report are the same for every verb that makes a file an
// item.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "run/context.h"
#include "run/items.h"
#include "run/report.h"

namespace vega {

// One item on its way. The driver calls each stage once, in this order; prepare and finish on
// another thread than compute. What a stage throws as InputError is the item's failure; every other
// error ends the run. An item that is destroyed before its last stage leaves nothing behind.
class ItemWork {
 public:
  virtual ~ItemWork() = default;
  virtual void prepare() = 0;
  virtual bool complete() const = 0;  // after prepare(): nothing is left to do
  virtual void compute() = 0;
  virtual void finish() {}
  // Seconds in which the computing half had no work to do; asked after finish().
  virtual double wait_s() const { return 0; }
  // Whether wait_s() is all of them since the item before, as where a device goes on computing when
  // compute() has returned; else the driver adds what it waits for stages itself.
  virtual bool counts_all_waits() const { return false; }
  virtual double load_s() const { return 0; }  // of compute(): seconds of loading a model
  virtual std::string output() const = 0;
  // Outcome, numbers and notes for the report; called when all is done.
  virtual void describe(ItemReport& report) const = 0;
};

using MakeWork = std::function<std::unique_ptr<ItemWork>(const Item&)>;

// What a verb asks of the driver.
struct RunPlan {
  const ItemList& list;
  const RunOptions& options;
  std::vector<std::filesystem::path> folders = {};  // of outputs: freed of dead writers' part files
  bool heavy = false;    // computing is what takes long: say how long it had to wait
  bool manifest = true;  // outputs are files that a next stage reads
  // Called when all items are done, for the report.
  std::function<RunNotes()> notes = {};
};

struct RunResult {
  int done = 0, complete = 0, failed = 0;
  int exit_code = 0;
};

// Prints a manifest line for each item that is finished or was complete, in the order of the items.
// A dry run prints no manifest and removes no part files; when its only item fails, it returns 3
// and does not throw. exit_code: 0, or 4 when items of a list failed (3: the only one, of a dry
// run). Throws what ends the run (Stopped, OutputError, DeviceError, ModelError, UsageError), after
// finished items have been named and the report says so.
RunResult run_items(const RunPlan& plan, const Context& context, const MakeWork& make);

}  // namespace vega
