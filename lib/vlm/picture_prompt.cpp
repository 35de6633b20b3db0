#include "vlm/picture_prompt.h"

#include <cstddef>
#include <string>
#include <string_view>

#include "base/error.h"
#include "vlm/assembly.h"

namespace vega::vlm {
namespace {

constexpr std::string_view kPictureWord = "<image>";
constexpr std::string_view kSystemTurn = "system\nYou are a helpful assistant.";
constexpr std::size_t kTurnHeader = 3;  // <|im_start|>, the role, a newline

class Conversation {
 public:
  Conversation(const text::Tokenizer& words, text::Control control, Masking masking)
      : words_(words), control_(control), masking_(masking) {}

  // text: role, newline, what is said.
  void turn(std::string_view text, bool pictures, bool supervised) {
    const std::size_t first = out_.ids.size();
    mark("<|im_start|>");
    while (pictures) {
      const auto at = text.find(kPictureWord);
      if (at == text.npos) break;
      say(text.substr(0, at));
      mark("<|vision_start|>");
      out_.ids.push_back(kImageId);
      mark("<|vision_end|>");
      text.remove_prefix(at + kPictureWord.size());
    }
    say(text);
    mark("<|im_end|>");
    const std::size_t newline = out_.ids.size();
    say("\n");
    out_.labels.resize(out_.ids.size(), kIgnoreLabel);
    if (!supervised) return;
    const std::size_t end = masking_ == Masking::kAnswer ? newline : out_.ids.size();
    for (std::size_t i = first + kTurnHeader; i < end; ++i) out_.labels[i] = out_.ids[i];
  }

  PromptIds take() { return std::move(out_); }

 private:
  // A text between two marks is tokenised whole: a newline at its beginning joins that behind the
  // role.
  void say(std::string_view text) {
    for (const std::int32_t id : words_.encode(text, control_)) out_.ids.push_back(id);
  }
  void mark(const char* word) {
    const auto id = words_.id_of(word);
    if (!id)
      throw InputError(explain("the tokeniser", std::string("no token ") + word,
                               "that of Qwen2.5-VL",
                               "put the tokeniser that belongs to the model beside its weights"));
    out_.ids.push_back(*id);
  }

  const text::Tokenizer& words_;
  text::Control control_;
  Masking masking_;
  PromptIds out_;
};

}  // namespace

PromptIds picture_prompt(const text::Tokenizer& words, std::span<const tasks::PictureTurn> turns,
                         text::Control control_words, Masking masking) {
  Conversation out(words, control_words, masking);
  out.turn(kSystemTurn, false, false);
  for (const tasks::PictureTurn& turn : turns) {
    const std::string text = (turn.answers ? "assistant\n" : "user\n") + turn.text;
    out.turn(text, !turn.answers, turn.answers);
  }
  return out.take();
}

}  // namespace vega::vlm
