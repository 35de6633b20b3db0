#include "evaluate/profile_report.h"

#include <fmt/core.h>

#include <cmath>
#include <map>

#include "base/build_info.h"
#include "base/error.h"
#include "base/text.h"
#include "text/csv.h"

namespace vega::evaluate {
namespace {

constexpr double kTera = 1e12, kGiga = 1e9;

std::string number(double value, int digits) {
  return std::isfinite(value) ? fmt::format("{:.{}f}", value, digits) : "-";
}

// Milliseconds with about four digits.
std::string ms_text(double ms) { return number(ms, ms >= 1000 ? 0 : ms >= 100 ? 1 : 2); }

// "3.35x", the first row's own "1.00x".
std::string factor(double value, double baseline) {
  return baseline > 0 ? number(value / baseline, 2) + "x" : "-";
}

}  // namespace

PublishedProfiles read_published_profiles(std::string_view csv) {
  const std::string file = "profiling.csv";
  PublishedProfiles out;
  if (csv.starts_with("#")) out.source = trim(csv.substr(1, csv.find('\n') - 1));
  const auto records = text::read_csv(csv, file);
  if (records.empty()) throw FormatError(explain(file, "no line", "names of columns, then rows"));
  std::map<std::string, std::size_t> columns;
  for (std::size_t i = 0; i < records[0].fields.size(); ++i) columns[records[0].fields[i]] = i;
  for (std::size_t n = 1; n < records.size(); ++n) {
    const auto& record = records[n];
    const auto field = [&](const char* name) -> std::string {
      const auto at = columns.find(name);
      if (at == columns.end() || at->second >= record.fields.size())
        throw FormatError(explain(file + ":" + std::to_string(record.line),
                                  std::string("no ") + name, "a field of each column"));
      return record.fields[at->second];
    };
    const auto value = [&](const char* name) {
      const std::string text = field(name);
      if (text.empty()) return kNoNumber;
      if (const auto parsed = parse_double(text)) return *parsed;
      throw FormatError(explain(file + ":" + std::to_string(record.line) + ": " + name,
                                "'" + text + "'", "a number or nothing"));
    };
    out.rows.push_back({field("name"), value("latency_ms"), value("memory_gb"), value("tflops"),
                        value("vae_ms"), value("dit_ms")});
  }
  return out;
}

std::vector<std::string> rules_of(const Profile& p) {
  std::vector<std::string> out;
  out.push_back(fmt::format("{}, {}{}; {}{}, {} visual tokens, {} of the prompt", p.device, p.dtype,
                            p.on_cpu ? ", " + plural(p.threads, "thread") : "",
                            plural(p.frames, "frame"), p.made_up ? " (made up)" : "",
                            p.rows.empty() ? 0 : p.rows.front().visual_tokens,
                            p.rows.empty() ? 0 : p.rows.front().text_tokens));
  out.push_back(fmt::format(
      "latency: from decoded frames to the first token of the answer, one scene and one question; "
      "{} after {} of warm-up{}",
      p.repeats == 1 ? "1 run" : fmt::format("median of {} runs", p.repeats), p.warmup,
      p.repeats == 1 ? "" : ", and quartiles; stages: medians"));
  out.push_back(p.on_cpu
                    ? "memory: peak resident set of the process, with the weights' files as far as "
                      "they were read; settings run in this order, so that a row's mark is not "
                      "below those before it"
                    : "memory: peak of the device's allocator, started anew for each setting");
  out.push_back(
      "TFLOP: a multiplication and an addition count two; matrix products and convolutions only, "
      "as vega computes them; causal attention counts the pairs that the mask leaves");
  out.push_back(
      "no generative branch: the same checkpoint's semantic path, without generative projector "
      "and fusion; the paper's rows are of another machine, and it does not state its counting "
      "rule");
  return out;
}

Table profile_table(const Profile& p) {
  Table table({{"setting"},
               {"latency ms", Align::kRight},
               {"quartiles", Align::kRight},
               {"x baseline", Align::kRight},
               {"peak GB", Align::kRight},
               {"TFLOP", Align::kRight},
               {"tower", Align::kRight, "stages, ms"},
               {"file", Align::kRight, "stages, ms"},
               {"VAE", Align::kRight, "stages, ms"},
               {"DiT", Align::kRight, "stages, ms"},
               {"fuse", Align::kRight, "stages, ms"},
               {"language", Align::kRight, "stages, ms"}});
  for (const ProfileRow& row : p.rows) {
    std::vector<std::string> cells{
        row.name() + (row.setting == ProfileSetting::kOnline ? " " + p.size : ""),
        ms_text(1e3 * row.median_s),
        ms_text(1e3 * row.low_s) + ".." + ms_text(1e3 * row.high_s),
        factor(row.median_s, p.rows.front().median_s),
        number(row.peak_bytes / kGiga, 2),
        number(row.flops.total() / kTera, row.flops.total() < kTera ? 4 : 2)};
    for (const auto& stage : kStages) cells.push_back(ms_text(row.stage_ms(stage.value)));
    table.add_row(std::move(cells));
  }
  if (!p.published.rows.empty()) table.add_rule();
  for (const PublishedProfile& row : p.published.rows)
    table.add_row({"paper: " + row.name, ms_text(row.latency_ms), "-",
                   factor(row.latency_ms, p.published.rows.front().latency_ms),
                   number(row.memory_gb, 2), number(row.tflops, 2), "-", "-", ms_text(row.vae_ms),
                   ms_text(row.dit_ms), "-", "-"});
  for (const std::string& rule : rules_of(p)) table.add_note(rule);
  if (!p.published.source.empty()) table.add_note("paper: " + p.published.source);
  return table;
}

Json to_json(const Profile& p) {
  const auto or_null = [](double value) { return std::isfinite(value) ? Json(value) : Json(); };
  Json rows = Json::list(), published = Json::list(), rules = Json::list();
  for (const ProfileRow& row : p.rows) {
    Json stages = Json::object();
    for (const auto& stage : kStages)
      stages.set(std::string(stage.name), or_null(row.stage_ms(stage.value)));
    const ProfileFlops& f = row.flops;
    rows.push({{"setting", row.name()},
               {"latency_ms", 1e3 * row.median_s},
               {"latency_ms_quartiles", Json::list({1e3 * row.low_s, 1e3 * row.high_s})},
               {"stages_ms", std::move(stages)},
               {"peak_bytes", row.peak_bytes},
               {"flop",
                {{"tower", f.tower},
                 {"vae", f.vae},
                 {"dit", f.dit},
                 {"projectors", f.projectors},
                 {"fusion", f.fusion},
                 {"decoder", f.decoder},
                 {"head", f.head},
                 {"total", f.total()}}},
               {"visual_tokens", row.visual_tokens},
               {"text_tokens", row.text_tokens}});
  }
  for (const PublishedProfile& row : p.published.rows)
    published.push({{"name", row.name},
                    {"latency_ms", or_null(row.latency_ms)},
                    {"memory_gb", or_null(row.memory_gb)},
                    {"tflops", or_null(row.tflops)},
                    {"vae_ms", or_null(row.vae_ms)},
                    {"dit_ms", or_null(row.dit_ms)}});
  for (const std::string& rule : rules_of(p)) rules.push(rule);
  return {{"schema", "vega.profile/1"},
          {"version", version()},
          {"checkpoint", p.checkpoint},
          {"checkpoint_fingerprint", p.fingerprint},
          {"family", p.family},
          {"trained", p.trained},
          {"device", p.device},
          {"dtype", p.dtype},
          {"threads", p.threads},
          {"frames", p.frames},
          {"made_up", p.made_up},
          {"size", p.size.empty() ? Json() : Json(p.size)},
          {"question", p.question},
          {"repeats", p.repeats},
          {"warmup", p.warmup},
          {"rules", std::move(rules)},
          {"rows", std::move(rows)},
          {"published", {{"source", p.published.source}, {"rows", std::move(published)}}}};
}

}  // namespace vega::evaluate
