#include "vlm/prompt.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/printable.h"
#include "vlm/assembly.h"

namespace vega::vlm {
namespace {

using enum Piece::Kind;
constexpr std::string_view kImageWord = "<image>";

const std::string& instruction() { return tasks::released_prompts().instruction(); }

Piece text_piece(std::string text) { return {kText, std::move(text)}; }

// U without its image.
Pieces rest_of(const Pieces& user) {
  Pieces out = user;
  if (!out.empty() && out.front().kind == kImage) out.erase(out.begin());
  return out;
}

bool has_image(const Turn& turn) { return !turn.user.empty() && turn.user.front().kind == kImage; }

void join(Pieces& to, const Pieces& more) { to.insert(to.end(), more.begin(), more.end()); }

// A template of tasks/prompts.h: its places, and the texts between them with the words put in.
Pieces pieces_of(std::string_view form, const TaskText& text) {
  constexpr std::pair<std::string_view, Piece::Kind> kPlaces[] = {
      {kImageWord, kImage}, {"<coord>", kCoord}, {"<ground>", kGround}};
  Pieces out;
  while (!form.empty()) {
    std::size_t at = form.size(), length = 0;
    Piece::Kind kind = kText;
    for (const auto& [word, place] : kPlaces) {
      const std::size_t found = form.find(word);
      if (found < at) at = found, length = word.size(), kind = place;
    }
    if (at > 0) out.push_back(text_piece(tasks::filled(form.substr(0, at), text)));
    if (kind != kText) out.push_back({kind});
    form.remove_prefix(at + length);
  }
  return out;
}

}  // namespace

Turn task_turn(Task task, const TaskText& text) {
  const tasks::Prompt& prompt = tasks::released_prompts().of(task);
  return {pieces_of(prompt.user, text), pieces_of(prompt.answer, text)};
}

Turn free_turn(const std::string& question) { return {{{kImage}, text_piece(question)}, {}}; }

ControlIds control_ids(const text::Tokenizer& tokenizer) {
  const auto id = [&](std::string_view word) -> std::int64_t {
    if (const auto found = tokenizer.id_of(word)) return *found;
    throw InputError(explain("the tokeniser", "no token " + printable(std::string(word)),
                             "those of Qwen2's chats",
                             "give the tokeniser that belongs to the checkpoint"));
  };
  ControlIds out;
  out.im_start = id("<|im_start|>");
  out.im_end = id("<|im_end|>");
  out.newline = id("\n");
  return out;
}

PromptMaker::PromptMaker(const text::Tokenizer& tokenizer, ControlIds ids, PromptOptions options)
    : tokenizer_(tokenizer), ids_(std::move(ids)), options_(std::move(options)) {}

void PromptMaker::append_text(std::string_view text, std::vector<std::int64_t>& ids) const {
  if (text.find(kImageWord) != std::string_view::npos)
    throw InputError(explain("a question", "<image> within the text",
                             "one place for the scene, which vega puts in front",
                             "take the word out"));
  if (options_.control_words == text::Control::kTokens) {
    if (const std::size_t count = tokenizer_.count_control(text); count > 0)
      log_warn(
          "{} control word{} of a text became control ids, as released; --compat fixed keeps "
          "them text: {}",
          count, count == 1 ? "" : "s", printable(std::string(text.substr(0, 200))));
  }
  for (const std::int32_t id : tokenizer_.encode(text, options_.control_words)) ids.push_back(id);
}

void PromptMaker::append(const Pieces& pieces, std::vector<std::int64_t>& ids) const {
  const auto place = [&](const std::vector<std::int64_t>& known, const char* word) {
    if (known.empty())
      throw InputError(explain("a prompt", std::string("a place for ") + word,
                               "a checkpoint that was trained with that token",
                               "its config.json names none"));
    ids.push_back(known.front());
  };
  std::string text;  // what stands between two places is tokenised as a whole
  const auto flush = [&] {
    if (!text.empty()) append_text(text, ids);
    text.clear();
  };
  for (const Piece& piece : pieces) {
    if (piece.kind == kText) {
      text += piece.text;
      continue;
    }
    flush();
    if (piece.kind == kImage) ids.push_back(kImageId);
    if (piece.kind == kCoord) place(ids_.coord, "<coord>");
    if (piece.kind == kGround) place(ids_.ground, "<ground>");
  }
  flush();
}

// How many of a message's ids, from `first` on, are its header: those that differ from the header's
// own hold a part of the text, such as a newline that the text begins with.
std::size_t PromptMaker::header_length(const std::string& role, std::span<const std::int64_t> ids,
                                       std::size_t first) const {
  std::vector<std::int64_t> header{ids_.im_start};
  append_text(role + "\n", header);
  std::size_t same = 0;
  while (same < header.size() && first + same < ids.size() && ids[first + same] == header[same])
    ++same;
  return same;
}

PromptIds PromptMaker::training(const Turn& turn, Masking masking) const {
  PromptIds out;
  const auto message = [&](const std::string& role, const Pieces& content, bool answer) {
    const std::size_t first = out.ids.size();
    Pieces pieces{text_piece(role + "\n")};
    join(pieces, content);
    out.ids.push_back(ids_.im_start);
    append(pieces, out.ids);
    out.ids.insert(out.ids.end(), {ids_.im_end, ids_.newline});
    const bool released = masking == Masking::kReleased;
    const std::size_t text = released ? first : first + header_length(role, out.ids, first);
    for (std::size_t i = first; i < out.ids.size(); ++i) {
      const std::int64_t id = out.ids[i];
      const bool mark = id == ids_.im_start || id == ids_.im_end || id == ids_.newline;
      const bool within = answer && i >= text && (released || i + 1 < out.ids.size());
      out.labels.push_back(within || (released && mark) ? id : kIgnoreLabel);
    }
  };
  message("system", {text_piece(options_.system)}, false);
  Pieces user = turn.user;
  if (options_.spatial_instruction && has_image(turn)) {
    user = {{kImage}, text_piece("\n" + instruction() + "\n")};
    join(user, rest_of(turn.user));
  }
  message("user", user, false);
  message("assistant", turn.answer, true);
  return out;
}

PromptIds PromptMaker::evaluation(const Turn& turn) const {
  PromptIds out;
  std::size_t header = 0;
  const auto begin = [&](const std::string& role) {
    header = out.ids.size();
    out.ids.push_back(ids_.im_start);
    append_text(role, out.ids);
    out.ids.push_back(ids_.newline);
    out.labels.resize(out.ids.size(), kIgnoreLabel);
    out.labels[header] = ids_.im_start;
  };
  const auto end = [&](bool supervised) {
    const std::size_t first = out.labels.size();
    for (std::size_t i = first; i < out.ids.size(); ++i)
      out.labels.push_back(supervised ? out.ids[i] : kIgnoreLabel);
    for (const std::int64_t id : {ids_.im_end, ids_.newline}) {
      out.ids.push_back(id);
      out.labels.push_back(id);
    }
  };
  begin("system");
  append({text_piece(options_.system)}, out.ids);
  end(false);
  begin("user");
  Pieces rest = rest_of(turn.user);
  if (has_image(turn)) {
    out.ids.insert(out.ids.end(), {kImageId, ids_.newline});
    if (options_.spatial_instruction)
      rest.insert(rest.begin(), text_piece(fmt::format("{}\n", instruction())));
  }
  append(rest, out.ids);
  end(false);
  begin("assistant");
  out.answered = !turn.answer.empty();
  if (!out.answered) return out;
  append(turn.answer, out.ids);
  end(true);
  return out;
}

}  // namespace vega::vlm
