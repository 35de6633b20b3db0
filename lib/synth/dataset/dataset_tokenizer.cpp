#include "synth/dataset/dataset_tokenizer.h"

#include <algorithm>

#include "text/bpe_trainer.h"
#include "vlm/prompt.h"

namespace vega::synth {
namespace {

void add(vlm::Task task, const vlm::TaskText& text, std::vector<std::string>& out) {
  const vlm::Turn turn = vlm::task_turn(task, text);
  for (const auto* pieces : {&turn.user, &turn.answer})
    for (const vlm::Piece& piece : *pieces)
      if (piece.kind == vlm::Piece::Kind::kText) out.push_back(piece.text);
}

}  // namespace

std::vector<std::string> conversation_texts(const std::vector<DatasetRoom>& rooms) {
  std::vector<std::string> out{"system\n" + vlm::PromptOptions{}.system, "user\n", "assistant\n"};
  const bool train = std::any_of(rooms.begin(), rooms.end(), [](const DatasetRoom& room) {
    return room.split == Split::kTrain;
  });
  for (const DatasetRoom& room : rooms) {
    if (train && room.split != Split::kTrain) continue;
    for (const Reference& one : room.texts.scanrefer) {
      add(vlm::Task::kScanRefer, {.description = one.text}, out);
      add(vlm::Task::kScan2Cap, {.description = one.text}, out);
    }
    for (const Reference& one : room.texts.multi3drefer)
      add(vlm::Task::kMulti3DRefer, {.description = one.text}, out);
    for (const Reference& one : room.texts.nr3d)
      add(vlm::Task::kScanRefer, {.description = one.text}, out);
    for (const Question& one : room.texts.scanqa)
      for (const std::string& answer : one.answers)
        add(vlm::Task::kScanQa, {.question = one.text, .answer = answer}, out);
    for (const Question& one : room.texts.sqa3d)
      add(vlm::Task::kSqa3d,
          {.situation = one.situation->text, .question = one.text, .answer = one.answers[0]}, out);
    for (const VsiQuestion& one : room.texts.vsi) {
      const VsiTurns turns = vsi_turns(one);
      out.push_back(turns.user);
      out.push_back(turns.answer);
    }
  }
  return out;
}

std::size_t write_tokenizer(const std::filesystem::path& folder,
                            const std::vector<DatasetRoom>& rooms, std::size_t vocabulary) {
  const text::TrainedBpe trained = text::train_bpe(conversation_texts(rooms), vocabulary);
  std::vector<const char*> control{"<|endoftext|>", "<|im_start|>", "<|im_end|>", "<image>"};
  if (std::ranges::any_of(rooms, [](const DatasetRoom& room) { return !room.texts.vsi.empty(); }))
    control.insert(control.end(), {"<|vision_start|>", "<|vision_end|>", "<|vision_pad|>",
                                   "<|image_pad|>", "<|video_pad|>"});
  std::vector<text::AddedToken> added;
  for (const char* word : control)
    added.push_back({.text = word,
                     .id = static_cast<std::int32_t>(trained.tokens.size() + added.size()),
                     .special = true,
                     .normalized = false});
  text::write_tokenizer_json(folder / "tokenizer.json", trained, added);
  return trained.tokens.size() + added.size();
}

}  // namespace vega::synth
