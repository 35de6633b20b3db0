#include "score/merge.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <unordered_map>

#include "base/error.h"
#include "base/log.h"
#include "base/natural.h"
#include "base/printable.h"
#include "base/publish.h"
#include "base/text.h"
#include "run/output_names.h"
#include "score/lines.h"
#include "text/lines.h"

namespace vega::score {
namespace fs = std::filesystem;
namespace {

using tasks::kRunFile;
using tasks::part_of;

struct MergeOptions {
  std::vector<std::string> inputs;
  std::string out;
  bool overwrite = false;

  void visit(OptionVisitor& v) {
    v.inputs(inputs, "PATH...", "folders of answers, or the parts themselves: part-I-of-N.jsonl");
    v.group("Output");
    v.text("-o,--out", out, "FILE", "default: answers.jsonl in the folder of the parts");
    v.flag("--overwrite", overwrite, "replace an output that holds other answers");
  }
};

void check_shards(const std::vector<Part>& parts) {
  std::map<std::size_t, std::set<std::size_t>> by_count;
  for (const Part& part : parts) by_count[part.shards].insert(part.shard);
  std::string missing;
  for (const auto& [shards, there] : by_count) {
    if (there.size() == shards) return;  // a whole run; parts of other counts came before it
    std::string names;
    std::size_t named = 0;
    for (std::size_t i = 0; i < shards && named < 8; ++i) {
      if (there.contains(i)) continue;
      names += fmt::format("{}{}", names.empty() ? "" : ", ", tasks::part_name(i, shards));
      ++named;
    }
    if (shards - there.size() > named)
      names += fmt::format(" and {} more", shards - there.size() - named);
    missing +=
        (missing.empty() ? "" : "; or of the run with " + std::to_string(shards) + " shards ") +
        names;
  }
  throw InputError(explain(parts.front().path.parent_path().string(), "missing: " + missing,
                           "all parts of one shard count",
                           "wait for these shards, or run them again"));
}

struct Line {
  std::string id, text;
  std::size_t part = 0, number = 0;
};

// The text without a last line that a killed run left unfinished.
std::string_view whole_lines(std::string_view text, const Part& part, bool continued, Merged& out) {
  if (text.empty() || text.ends_with('\n')) return text;
  const std::size_t start = text.rfind('\n') == text.npos ? 0 : text.rfind('\n') + 1;
  if (parse_json(text.substr(start))) return text;
  const auto number = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
  const std::string place = line_place(part.path.string(), number);
  if (!continued)
    throw FormatError(
        explain(place, "a line without its end", "a JSON object",
                "the run was stopped while it wrote: run the shard again, it goes on"));
  out.notes.push_back(place + ": a line without its end is left out");
  return text.substr(0, start);
}

void read_part(const std::vector<Part>& parts, std::size_t at, bool continued, Merged& out,
               std::vector<Line>& lines) {
  const Part& part = parts[at];
  const std::string all = file_text(part.path);
  const std::string_view whole = whole_lines(all, part, continued, out);
  if (trim(whole).empty()) return;  // more shards than questions
  std::vector<std::string_view> raw;
  text::each_line(whole, [&](std::string_view line, std::size_t) { raw.push_back(line); });
  each_record(whole, part.path.string(), "a line of answers",
              [&](std::size_t number, const Json& record) {
                const auto id = id_text(answer_id(record));
                if (!id || id->empty())
                  throw FormatError(explain(line_place(part.path.string(), number) + ": sample_id",
                                            members_text(record), kAnswerId));
                lines.push_back({*id, std::string(trim(raw.at(number - 1))), at, number});
              });
}

}  // namespace

std::vector<Part> find_parts(const std::vector<std::string>& inputs) {
  if (inputs.empty()) throw UsageError(explain("input", "nothing", "a folder of parts, or parts"));
  std::vector<Part> parts;
  for (const fs::path input : inputs) {
    if (!fs::exists(input)) throw InputError(explain(input.string(), "no such file or folder"));
    const std::size_t before = parts.size();
    if (fs::is_directory(input)) {
      for (Part& part : tasks::parts_in(input)) parts.push_back(std::move(part));
    } else if (auto part = part_of(input)) {
      parts.push_back(std::move(*part));
    }
    if (parts.size() == before)
      throw InputError(explain(input.string(), "no part of a run", "part-I-of-N.jsonl, I from 0"));
  }
  std::sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) {
    return std::tie(a.shards, a.shard, a.path) < std::tie(b.shards, b.shard, b.path);
  });
  for (std::size_t i = 1; i < parts.size(); ++i) {
    if (parts[i].shards == parts[i - 1].shards && parts[i].shard == parts[i - 1].shard)
      throw InputError(explain(parts[i].path.string(),
                               "the same part as " + parts[i - 1].path.string(), "each part once",
                               "give the folder of one run"));
  }
  check_shards(parts);
  return parts;
}

Merged merge_parts(const std::vector<Part>& parts) {
  Merged out;
  const bool continued = std::any_of(parts.begin(), parts.end(), [&](const Part& part) {
    return part.shards != parts.front().shards;
  });
  std::vector<Line> lines;
  for (std::size_t at = 0; at < parts.size(); ++at) read_part(parts, at, continued, out, lines);
  const auto place = [&](const Line& line) {
    return line_place(parts[line.part].path.string(), line.number);
  };
  std::unordered_map<std::string, const Line*> seen;
  std::map<std::pair<std::size_t, std::size_t>, std::size_t> overlaps;  // of two parts
  std::vector<const Line*> kept;
  for (const Line& line : lines) {
    const auto [at, is_new] = seen.try_emplace(line.id, &line);
    if (is_new) {
      kept.push_back(&line);
      continue;
    }
    const Line& other = *at->second;
    if (other.text != line.text)
      throw InputError(explain(
          place(line), "another answer to '" + printable(line.id) + "' than " + place(other),
          "each question answered once",
          "these parts overlap and are of different runs: keep one of them"));
    ++overlaps[{other.part, line.part}];
  }
  for (const auto& [pair, count] : overlaps)
    out.notes.push_back(fmt::format("{} and {} overlap: {} of both, equal and taken once",
                                    parts[pair.first].path.string(),
                                    parts[pair.second].path.string(), plural(count, "answer")));
  std::sort(kept.begin(), kept.end(),
            [](const Line* a, const Line* b) { return natural_less(a->id, b->id); });
  for (const Line* line : kept) out.text += line->text + "\n";
  out.answers = kept.size();
  return out;
}

namespace {

// run.json of the parts' folders, which must agree; nothing where no folder has one.
std::optional<fs::path> common_run(const std::vector<Part>& parts) {
  std::optional<fs::path> first;
  std::set<fs::path> folders, without;
  for (const Part& part : parts) folders.insert(part.path.parent_path());
  Json run;
  for (const fs::path& folder : folders) {
    const fs::path path = folder / kRunFile;
    if (!fs::exists(path)) {
      without.insert(folder);
      continue;
    }
    const Json here = tasks::read_run(path);
    if (!first) {
      first = path;
      run = here;
      continue;
    }
    const auto differences = run_differences(run, here);
    if (!differences.empty())
      throw InputError(path.string() + ": " + differences.front() + " as in " + first->string() +
                       "; parts of different runs make no answer file");
  }
  if (first && !without.empty())
    log_warn("{} has no {}: its answers are taken to be of the same run", without.begin()->string(),
             kRunFile);
  return first;
}

RunResult run_merge(const MergeOptions& options, const Context& context) {
  const std::vector<Part> parts = find_parts(options.inputs);
  const auto run = common_run(parts);
  const Merged merged = merge_parts(parts);
  const fs::path folder = parts.front().path.parent_path();
  const fs::path out = options.out.empty() ? folder / tasks::kAnswersFile : fs::path(options.out);
  std::vector<fs::path> read;
  for (const Part& part : parts) read.push_back(part.path);
  refuse_inputs_as_outputs({out}, read);
  for (const std::string& note : merged.notes) log_warn("{}", note);
  const bool exists = !is_stream(out) && fs::exists(out);
  const bool same = exists && file_text(out) == merged.text;
  if (exists && !same && !options.overwrite)
    throw RefusedError(explain(out.string(), "a file with other answers", "none",
                               "give --overwrite, or another -o"));
  const fs::path beside = out.parent_path() / kRunFile;
  const bool copy = run && !is_stream(out) && !fs::exists(beside);
  if (run && !is_stream(out) && !copy && !fs::equivalent(*run, beside)) {
    const auto differences = run_differences(tasks::read_run(*run), tasks::read_run(beside));
    if (!differences.empty())
      throw RefusedError(beside.string() + ": " + differences.front() + " as in " + run->string() +
                         "; give an -o in another folder");
  }
  if (!same) publish_output(out, merged.text);
  if (copy) publish_output(beside, file_text(*run));
  log_info("{} of {}{}", plural(merged.answers, "answer"), plural(parts.size(), "part"),
           same ? ": complete already" : "");
  if (is_stream(out)) return {};  // the answers themselves went there
  const std::string name = fs::absolute(out).lexically_normal().parent_path().filename().string();
  context.manifest(name, out.string());
  return {};
}

}  // namespace

Verb merge_verb() {
  return make_verb<MergeOptions>(
      "merge", "join the parts that shards of a run wrote",
      "Answers are put in the order of their sample ids. Parts of several shard counts are those "
      "of a\n"
      "run that was stopped and continued with another count: one count must be there whole. "
      "Answers\n"
      "that two parts hold are named; where they differ, nothing is written.\n\n"
      "Examples:\n"
      "  vega-eval merge answers/scanqa\n"
      "  vega-eval merge answers/scanqa/part-*.jsonl -o scanqa.jsonl\n\n"
      "See also: validate; score; docs/tables.md",
      run_merge);
}

}  // namespace vega::score
