#include "evaluate/conversation.h"

#include <algorithm>
#include <filesystem>
#include <string_view>

#include "base/error.h"
#include "base/log.h"
#include "base/printable.h"
#include "base/stop.h"
#include "run/output_names.h"

namespace vega::evaluate {

void answer_one(Conversation& c, const std::string& question, const AskModel& ask) {
  const std::string head = c.several() ? "Q: " + question + "\nA: " : "";
  bool begun = false;  // blanks at the beginning are no part of the answer
  const auto on_text = [&](std::string_view piece) {
    check_stop();
    if (c.json()) return true;
    if (!begun) piece.remove_prefix(std::min(piece.find_first_not_of(" \n\t\r"), piece.size()));
    if (!piece.empty()) c.context.print((begun ? "" : head) + without_controls(piece));
    begun = begun || !piece.empty();
    return true;
  };
  const vlm::Reply reply = ask(question, on_text);
  const bool cut = reply.answer.ending == qwen2::Ending::kLimit;
  c.lines.push_back({{"ask", question},
                     {"answer", reply.text},
                     {"tokens", reply.answer.ids.size()},
                     {"cut", cut}});
  if (c.json()) {
    c.context.print(c.lines.back().dump() + "\n");
  } else {
    c.context.print((begun ? "" : head) + (c.several() ? "\n\n" : "\n"));
  }
  if (cut)
    log_warn("'{}': the answer was cut at --max-new-tokens {}", question, c.config.max_new_tokens);
  if (reply.text.empty()) log_warn("'{}': an empty answer", question);
}

void try_one(Conversation& c, const std::string& question, const std::function<void()>& work) {
  check_stop();
  try {
    work();
  } catch (const ModelError&) {
    throw;
  } catch (const InputError& error) {
    if (!c.several()) throw;
    log_error("'{}': {}", visible(question), error.what());
    ++c.failed;
  }
}

void write_record(const Conversation& c, const std::string& key, Json run) {
  if (c.options.out.empty()) return;
  const Json record{
      {"schema", "vega.questions/1"}, {"key", key}, {"run", std::move(run)}, {"answers", c.lines}};
  publish_output(std::filesystem::path(c.options.out) / (key + ".json"), record.dump(2) + "\n");
}

}  // namespace vega::evaluate
