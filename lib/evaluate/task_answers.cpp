#include "evaluate/task_answers.h"

#include <ATen/Parallel.h>
#include <fmt/core.h>

#include <algorithm>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "core/device.h"

namespace vega::evaluate {

using tasks::Sample;

double TaskSession::load_model(const std::function<void()>& load) {
  const auto begun = Clock::now();
  at::set_num_threads(setup.options.workers());
  try {
    load();
  } catch (const InputError& error) {
    throw ModelError(error.what());
  }
  for (const std::string& note : setup.config.notes) log_info("{}", note);
  start = Clock::now();
  return seconds_since(begun);
}

void TaskSession::show(const std::string& scene) {
  const double seconds = std::max(1e-9, seconds_since(start));
  const auto memory = device_memory(setup.device);
  std::string text = fmt::format("{} {}", setup.task_name(), scene);
  if (tokens > 0) text += fmt::format("  {:.1f} tokens/s", static_cast<double>(tokens) / seconds);
  progress.label(text + "  peak " + bytes_text(static_cast<double>(memory.peak)));
}

void AnswerWork::ask(Samples samples) {
  while (!samples.empty()) {
    std::vector<bool> ended(samples.size());
    const auto on_failure = [&](std::size_t i, const std::exception& error) {
      ended[i] = true;
      fail(*samples[i], error.what());
    };
    try {
      return ask_once(
          samples, [&](std::size_t i) { ended[i] = true; }, on_failure);
    } catch (const DeviceMemoryError& error) {
      const std::int64_t rows = task_.batch.rows > 0 ? task_.batch.rows : vlm::kMostRows;
      if (rows == 1) throw;
      task_.batch.rows = rows / 2;
      log_warn("{}: {}; going on with --batch {}", plan_.scene, error.what(), rows / 2);
    } catch (const ModelError&) {
      throw;
    } catch (const InputError& error) {  // of the scene, or of all questions at once
      for (std::size_t i = 0; i < samples.size(); ++i)
        if (!ended[i]) fail(*samples[i], error.what());
      return;
    }
    Samples rest;
    for (std::size_t i = 0; i < samples.size(); ++i)
      if (!ended[i]) rest.push_back(samples[i]);
    samples = std::move(rest);
  }
}

AnswerWork::Samples AnswerWork::asked() {
  Samples out;
  for (const Sample* sample : plan_.left) {
    if (sample->no_proposal)
      write(*sample, {}, {.empty = true});
    else
      out.push_back(sample);
  }
  return out;
}

void AnswerWork::write_reply(const Sample& sample, const vlm::Reply& reply, std::string text) {
  AnswerNote note;
  note.tokens = std::ssize(reply.answer.ids);
  note.cut = reply.answer.ending == qwen2::Ending::kLimit;
  note.empty = reply.text.empty();
  note.unreadable = reply.text.find("\xef\xbf\xbd") != std::string::npos;
  write(sample, {.text = std::move(text)}, std::move(note));
}

void AnswerWork::write(const Sample& sample, const tasks::Prediction& prediction, AnswerNote note) {
  Json line;
  try {
    line = tasks::answer_line(sample, prediction, task_.setup.model_id());
  } catch (const InputError& error) {
    return fail(sample, error.what());
  }
  note.id = sample.id_text;
  note.scene = plan_.scene;
  note.seconds = seconds_since(last_);
  task_.log.append(line, note);
  last_ = Clock::now();
  ++answered_;
  ++task_.answered;
  tokens_ += note.tokens;
  task_.tokens += note.tokens;
  task_.show(plan_.scene);
  task_.progress.add();
}

void AnswerWork::fail(const Sample& sample, const std::string& error) {
  log_error("{}: question {}: {}", plan_.scene, sample.id_text, error);
  failed_.push_back({sample.id_text, error});
  task_.failed = true;
  task_.progress.add();
}

void AnswerWork::fail_all(const Samples& samples, const std::string& error) {
  std::string ids;
  for (const Sample* sample : samples) {
    ids += (ids.empty() ? "" : ", ") + sample->id_text;
    failed_.push_back({sample->id_text, error});
  }
  log_error("{}: {}", plan_.scene, error);
  log_error("{}: not answered: {}: {}", plan_.scene, plural(samples.size(), "question"), ids);
  error_ = error;
  task_.failed = true;
  task_.progress.add(std::ssize(samples));
}

void AnswerWork::describe(ItemReport& report) const {
  report.outcome = !failed_.empty()     ? Outcome::kFailed
                   : plan_.left.empty() ? Outcome::kComplete
                   : answered_ == 0     ? Outcome::kNotStarted
                                        : Outcome::kWritten;
  report.numbers["answered"] = static_cast<double>(answered_);
  report.numbers["answered_before"] = static_cast<double>(plan_.answered);
  report.numbers["tokens"] = static_cast<double>(tokens_);
  if (failed_.empty()) return;
  report.error = !error_.empty() ? error_ : plural(failed_.size(), "question") + " not answered";
  Json questions = Json::list();
  for (const Failed& one : failed_) questions.push({{"id", one.id}, {"error", one.error}});
  report.details = Json{{"failed_questions", questions}}.dump();
}

}  // namespace vega::evaluate
