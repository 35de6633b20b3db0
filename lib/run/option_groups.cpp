#include "run/option_groups.h"

#include "base/error.h"
#include "base/key.h"
#include "base/parallel.h"

namespace vega {

void ItemOptions::visit(OptionVisitor& v, const ItemWords& words) {
  v.inputs(inputs, words.placeholder, words.help);
  v.group("Input");
  v.text("--list", list, "FILE|-",
         std::string(words.items) +
             " from a list instead: PATH or KEY<TAB>PATH a line; - reads stdin");
  v.text("--shard", shard, "i/n|auto",
         "only the lines whose number modulo n is i (from 0); auto: by the task of a SLURM array");
  if (words.root)
    v.text("--root", root, "DIR",
           "inputs are scene ids below DIR: ScanNet (DIR/scans/ID) or the official data tree "
           "(DIR/scannet/posed_images/ID)");
  if (words.key)
    v.text("--key", key, "KEY",
           "name of the scene, with one input (default: the name of the folder or file)");
}

void OutputOptions::visit(OptionVisitor& v, const char* out_help, const char* tag_help) {
  v.group("Output");
  v.text("-o,--out", out, "DIR", out_help);
  if (tag_help != nullptr) v.text("--tag", tag, "TAG", tag_help);
  v.flag("--overwrite", overwrite, "make again what is there, whatever options it was made with");
}

void RunOptions::visit(OptionVisitor& v, const char* dry_run_help, bool threaded) {
  v.group("Run");
  if (threaded) visit_threads(v, threads);
  v.flag("--fail-fast", fail_fast, "stop at the first item that fails");
  if (dry_run_help != nullptr) v.flag("--dry-run", dry_run, dry_run_help);
  v.text("--report", report, "FILE.json",
         "outcome, times and findings of every item (vega.report/1)");
}

void RunOptions::visit_threads(OptionVisitor& v, std::int64_t& threads) {
  v.group("Run");
  v.integer("--threads", threads, "N", {0, 1024}, "worker threads; 0: all cores");
}

int RunOptions::workers() const {
  return threads > 0 ? static_cast<int>(threads) : available_cores();
}

void DeviceOptions::visit(OptionVisitor& v, const std::string& automatic) {
  visit_device(v, device, "where to compute");
  v.choice("--dtype", dtype, kComputeTypes, "compute type (default: fp32 on cpu, bf16 on cuda)");
  v.integer("--batch", batch, "N", {1, 4096},
            "frames a step on cuda (the last step is padded); " + automatic);
}

void DeviceOptions::visit_device(OptionVisitor& v, std::string& device, const char* help) {
  v.group("Device");
  v.text("--device", device, "cpu|cuda[:n]", help);
}

void check_tag(const std::string& tag, const std::string& option) {
  if (is_key(tag) && !tag.starts_with('.')) return;
  throw UsageError(
      explain(option, "'" + tag + "'", "letters, digits, '.', '_', '-', not starting with '.'"));
}

}  // namespace vega
