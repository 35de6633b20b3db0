#include "score/score.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/log.h"
#include "base/parallel.h"
#include "base/publish.h"
#include "base/text.h"
#include "run/output_names.h"
#include "score/captions.h"
#include "score/compare.h"
#include "score/judge.h"
#include "score/rollouts.h"
#include "score/sha256.h"
#include "score/summary.h"

namespace vega::score {
namespace {

namespace fs = std::filesystem;

constexpr auto kScoreHelp =
    R"(Scores the answers to a benchmark as its official scorer does, in percent, with 95 % intervals. Answer files are JSON
Lines as the release writes them (LIBERO: the log of the evaluation, JSON Lines or CSV; VSI-Bench, CV-Bench, BLINK: the
log of their harness, or lines {id, prediction}). docs/scoring.md says what each number is and names every matcher.

Examples:
  vega-eval score scanqa answers.jsonl --gt ScanQA_v1.0_val.json --meteor-dir meteor -o scores.json
  vega-eval score sqa3d ours.jsonl --gt v1_balanced_sqa_annotations_test_scannetv2.json --against theirs.jsonl
  vega-eval score scanrefer answers.jsonl                        # what is right stands in the lines
  vega-eval score vsi log.jsonl --all-variants
  vega-eval score libero spatial.txt object.txt goal.txt long.txt

See also: vega-eval validate, vega-eval table; docs/scoring.md)";

// What the command asks for, with everything read that does not hang on an answer file.
struct Plan {
  const ScoreOptions& options;
  Task task{};
  std::vector<fs::path> files;
  std::optional<TruthFile> truth;
  std::unique_ptr<CaptionScorer> captions;
  std::unique_ptr<BoxSource> proposals;
  Certainty certainty;
  Matching matching;
  std::map<std::string, std::string> inputs;  // digests

  void add_input(const fs::path& path) {
    if (!path.empty()) inputs[path.string()] = sha256_of_file(path);
  }
};

Plan plan_of(const ScoreOptions& options, const ReadScene& read_scene) {
  Plan out{options};
  out.task = task_of_inputs("score", options.inputs);
  for (std::size_t i = 1; i < options.inputs.size(); ++i)
    out.files.push_back(answer_file(options.inputs[i]));
  for (std::size_t i = 1; i < out.files.size(); ++i)
    if (std::find(out.files.begin(), out.files.begin() + static_cast<std::ptrdiff_t>(i),
                  out.files[i]) != out.files.begin() + static_cast<std::ptrdiff_t>(i))
      throw UsageError(explain(out.files[i].string(), "given twice", "each file once",
                               "several files are runs of other seeds"));
  out.matching.matcher = matcher_name(out.task, options.matcher);
  out.matching.threshold = options.threshold;
  out.matching.threads =
      options.threads > 0 ? static_cast<int>(options.threads) : available_cores();
  out.matching.partial = options.partial;
  out.certainty = {options.cluster == ClusterBy::kScene,
                   {static_cast<int>(options.draws), static_cast<std::uint64_t>(options.seed)}};
  for (const auto& [option, given] :
       {std::pair{"--against", !options.against.empty()}, {"--judge", !options.judge.empty()}})
    if (options.all_variants && given)
      throw UsageError(explain(option, "given with --all-variants", "one of them",
                               "name a --matcher to compare under"));
  if (options.against.size() > 1 && options.against.size() != out.files.size())
    throw UsageError(explain("--against", fmt::format("{} files", options.against.size()),
                             fmt::format("1 or {}, as there are answer files", out.files.size())));
  if (out.task == Task::kLibero && (!options.gt.empty() || !options.against.empty()))
    throw UsageError(explain(options.gt.empty() ? "--against" : "--gt", "given with libero",
                             "rollout logs alone"));
  if (!options.gt.empty()) {
    out.truth = read_truth(out.task, {options.gt, options.questions, options.boxes, options.scenes,
                                      options.labels, options.scans, read_scene});
    for (const std::string& note : out.truth->notes) log_info("{}: {}", options.gt, note);
    for (const auto& [reason, count] : out.truth->left_out_counts)
      log_info("{}: {} {} left out", options.gt, plural(static_cast<std::size_t>(count), "row"),
               reason);
    for (const std::string& path :
         {options.gt, options.questions, options.boxes, options.labels, options.scans})
      out.add_input(path);
  }
  if (!options.proposals.empty()) {
    if (out.task != Task::kScanReferFrames)
      throw UsageError(explain("--proposals", options.inputs[0], "scanrefer-frames"));
    out.proposals = std::make_unique<BoxSource>(
        BoxFiles{options.proposals, {}, {}, "boxes of a detector", "--proposals"});
    out.matching.proposals = out.proposals.get();
    out.add_input(options.proposals);
  }
  if (out.task == Task::kScanQa || out.task == Task::kScan2Cap ||
      out.task == Task::kScan2CapFrames) {
    out.captions =
        std::make_unique<CaptionScorer>(open_meteor(options.meteor_dir, options.wordnet_dir));
    out.matching.captions = out.captions.get();
  }
  return out;
}

struct Run {
  Questions questions;
  Json json;  // run.json
};

Run read_run(Plan& plan, const fs::path& path) {
  AnswerFile answers = read_answers(path, plan.task);
  plan.add_input(path);
  if (answers.repaired > 0)
    log_warn("{}: {} U+FFFD in place of half a surrogate pair", path.string(),
             plural(answers.repaired, "character"));
  Run out;
  out.json = answers.run;
  out.questions =
      join(std::move(answers), plan.truth ? &*plan.truth : nullptr, plan.options.partial);
  return out;
}

// All answer files, in the order of the first one's questions.
std::vector<Run> read_runs(Plan& plan) {
  std::vector<Run> out;
  for (const fs::path& path : plan.files) {
    Run run = read_run(plan, path);
    if (!out.empty())
      run.questions = in_order_of(out[0].questions, std::move(run.questions), path.string(),
                                  plan.files[0].string());
    out.push_back(std::move(run));
  }
  return out;
}

Measured measure_all(const std::vector<Run>& runs, const Matching& matching) {
  std::vector<Measured> all;
  for (const Run& run : runs) all.push_back(measure(run.questions, matching));
  Measured out = mean_of_runs(all);
  if (runs.size() == 1) {
    out.run = runs[0].json;
  } else {
    for (const Run& run : runs) out.run.push(run.json);
  }
  return out;
}

std::string variants_text(const Plan& plan, const std::vector<Run>& runs) {
  std::vector<Scores> all;
  for (const std::string_view name : benchmark_of(plan.task).matchers) {
    Matching matching = plan.matching;
    matching.matcher = name;
    all.push_back(scores_of(plan.task, measure_all(runs, matching), plan.certainty));
  }
  std::vector<TableColumn> columns = {{"metric"}};
  for (const Scores& one : all) columns.push_back({one.matcher, Align::kRight});
  Table table(columns);
  for (const auto& [name, first] : all[0].metrics) {
    std::vector<std::string> cells = {name};
    for (const Scores& one : all) {
      const ScoreValue* value = one.find(name);
      cells.push_back(value == nullptr ? "-"
                                       : value_text(*value, one) + " " + interval_text(*value));
    }
    table.add_row(cells);
  }
  const bool plain =
      plan.options.format == TableFormat::kText || plan.options.format == TableFormat::kMarkdown;
  return (plain ? std::string(benchmark_of(plan.task).title) + ", all matchers\n\n"
                : std::string()) +
         table.write(plan.options.format);
}

void note_clusters(const Measured& measured, const Plan& plan) {
  if (!plan.certainty.by_scene || plan.task == Task::kLibero) return;
  if (std::any_of(measured.scenes.begin(), measured.scenes.end(),
                  [](const std::string& scene) { return scene.empty(); }))
    log_info(
        "scenes of the questions are not known: intervals take every question as independent; "
        "--gt gives them");
}

void write_outputs(const Plan& plan, const Measured& measured, const Scores& scores) {
  if (!plan.options.samples.empty()) publish_output(plan.options.samples, samples_text(measured));
  if (!plan.options.out.empty()) publish_output(plan.options.out, scores_text(scores));
}

}  // namespace

void run_score(const ScoreOptions& options, const ReadScene& read_scene, const Context& context) {
  Plan plan = plan_of(options, read_scene);
  std::vector<fs::path> read = plan.files;
  for (const std::string& other : options.against) read.push_back(answer_file(other));
  for (const std::string& file : {options.gt, options.questions, options.boxes, options.labels,
                                  options.scans, options.proposals, options.judge})
    read.emplace_back(file);
  refuse_inputs_as_outputs({options.out, options.samples}, read);
  std::vector<Run> runs;
  Measured measured;
  if (plan.task == Task::kLibero) {
    measured = measure_rollouts(plan.files, options.run, options.partial);
    for (const fs::path& path : plan.files) plan.add_input(path);
  } else {
    runs = read_runs(plan);
    if (options.all_variants) {
      context.print(variants_text(plan, runs));
      if (options.out.empty() && options.samples.empty()) return;
    }
    measured = measure_all(runs, plan.matching);
  }
  if (!options.judge.empty()) {
    measured.measures.push_back(read_judge(options.judge, measured.ids, options.partial));
    plan.add_input(options.judge);
  }
  for (const std::string& note : measured.notes) log_info("{}", note);
  for (const std::string& warning : measured.warnings) log_warn("{}", warning);
  note_clusters(measured, plan);

  Scores scores = scores_of(plan.task, measured, plan.certainty);
  std::string against;
  if (!options.against.empty()) {
    std::vector<Measured> others;
    Json other_run;
    for (const std::string& file : options.against) {
      Run other = read_run(plan, answer_file(file));
      other.questions =
          in_order_of(runs[0].questions, std::move(other.questions), file, plan.files[0].string());
      others.push_back(measure(other.questions, plan.matching));
      if (others.size() == 1) other_run = std::move(other.json);
    }
    // One form for both sides: the test exchanges the sums of the two systems.
    others.resize(runs.size(), others.front());
    const auto compared = compare_systems(measured, mean_of_runs(others), plan.certainty);
    scores.against = comparison_json(options.against, compared, runs[0].json, other_run);
    against = comparison_text(compared, options.format);
    if (options.format != TableFormat::kCsv)
      against += "\n" + differences_text(runs[0].json, other_run);
  }
  scores.inputs = plan.inputs;
  write_outputs(plan, measured, scores);
  if (options.all_variants && plan.task != Task::kLibero) return;
  const std::string report = scores_report(scores, options.format);
  switch (options.format) {                                 // one document
    case TableFormat::kJson: context.print(report); break;  // the comparison is a member
    case TableFormat::kCsv: context.print(against.empty() ? report : against); break;
    default: context.print(report + (against.empty() ? "" : "\n" + against)); break;
  }
}

Verb score_verb(ReadScene read_scene) {
  const auto options = std::make_shared<ScoreOptions>();
  return {"score", "score answers to a benchmark, with intervals", kScoreHelp,
          [options](OptionVisitor& v) { options->visit(v); },
          [options, read_scene](const Context& context) {
            run_score(*options, read_scene, context);
            return 0;
          }};
}

}  // namespace vega::score
