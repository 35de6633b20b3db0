#include "evaluate/answer_options.h"

#include <algorithm>
#include <limits>

#include "base/error.h"
#include "tasks/sample.h"

namespace vega::evaluate {
namespace {

constexpr Choice<Compat> kAnswerCompat[] = {
    {Compat::kReference, "reference",
     "the released forward pass with its rounding; control words in a question become control ids"},
    {Compat::kFixed, "fixed",
     "what silently distorts numbers is repaired (docs/language.md lists it)"}};
constexpr Choice<AnswerFormat> kAnswerFormats[] = {
    {AnswerFormat::kText, "text"}, {AnswerFormat::kJson, "json", "a line a question"}};

void visit_model_and_files(AnswerVerb& o, OptionVisitor& v) {
  v.group("Model");
  o.visit_checkpoint(v);
  v.group("Files of the scene");
  o.visit_files(v);
  v.text("--tokens", o.tokens, "DIR",
         "fused tokens DIR/KEY.h5 of vega-fuse tokens, in place of features");
  v.flag("--allow-mismatch", o.allow_mismatch,
         "take features of another block, timestep, shift, size or view than the checkpoint was "
         "trained on");
  v.group("What is not there is computed from the scan");
  o.visit_weights(v);
  v.text("--work", o.work, "DIR",
         "keeps the files that are made, for the next question (default: a temporary folder)");
}

void visit_generation(AnswerVerb& o, OptionVisitor& v) {
  v.group("Answers");
  v.choice("--compat", o.compat, kAnswerCompat,
           "(default: the released forward pass, but control words in a question are text)");
  v.flag("--greedy", o.greedy, "always the likeliest token, whatever the checkpoint's settings");
  v.open_integer("--max-new-tokens", o.max_new_tokens, "N", {1, 1 << 20},
                 "longest answer (default: the checkpoint's, else 512)");
  v.open_real("--temperature", o.temperature, "T", {.least = 0},
              "how evenly tokens are drawn; 0: the likeliest token always (default of this and the "
              "next three: what the checkpoint says)");
  v.open_real("--top-p", o.top_p, "P", {.least = 0, .most = 1, .above_least = true},
              "draw from the fewest tokens whose probabilities reach P");
  v.open_integer("--top-k", o.top_k, "N", {0, 1 << 20}, "draw from the K likeliest; 0: all");
  v.open_real("--repetition-penalty", o.repetition_penalty, "R", {.least = 0, .above_least = true},
              "divides logits of tokens that were said");
  v.integer("--seed", o.seed, "N", {0, std::numeric_limits<std::int64_t>::max()},
            "seed of drawn tokens");
}

}  // namespace

void FrameOptions::visit(OptionVisitor& v) {
  v.group("Frames, of Qwen2.5-VL");
  v.integer("--frames", most, "N", {1, 4096},
            "frames that are shown; of a scene or video that has more, evenly spread ones");
  v.choice("--preparation", preparation, qwen2_5_vl::kPreparations,
           "how a frame becomes a picture (default: spatial)");
  v.open_integer("--min-pixels", min_pixels, "N", {1, std::int64_t{1} << 30},
                 "smaller pictures are enlarged (default: what the checkpoint says)");
  v.open_integer("--max-pixels", max_pixels, "N", {1, std::int64_t{1} << 30},
                 "larger pictures are made smaller; 28 x 28 pixels are one token (default: what "
                 "the checkpoint says)");
  v.text("--generative-weights", generative_weights, "checkpoint|DIR",
         "whose diffusion transformer looks beside the tower: the one that the checkpoint of "
         "VEGA-3D's spatial model holds, or that of a folder of Wan2.1-T2V, which then stands for "
         "--model too (default: the checkpoint's own, where it has one)");
}

void FrameOptions::refuse(const std::string& checkpoint) const {
  const std::string given = most != FrameOptions{}.most   ? "--frames"
                            : preparation                 ? "--preparation"
                            : min_pixels                  ? "--min-pixels"
                            : max_pixels                  ? "--max-pixels"
                            : !generative_weights.empty() ? "--generative-weights"
                                                          : "";
  if (!given.empty())
    throw UsageError(explain(given, checkpoint + ", a model that reads files of features",
                             "a Qwen2.5-VL model", "leave the option out"));
}

bool AnswerVerb::is_task() const {
  const auto known = [&] {
    return !inputs.empty() && std::ranges::any_of(tasks::kTasks, [&](const auto& one) {
      return one.name == inputs[0];
    });
  };
  const bool asks = !ask.empty() || !locate.empty();
  if (inputs.size() == 2 && known()) {
    if (asks || !key.empty() || format != AnswerFormat::kText)
      throw UsageError(explain("answer " + inputs[0] + " " + inputs[1],
                               asks          ? "--ask or --locate beside a benchmark"
                               : key.empty() ? "--format"
                                             : "--key",
                               "the questions of the file alone",
                               "ask about one scene with answer SCENE --ask TEXT"));
    return true;
  }
  if (inputs.size() == 1 && known() && !asks)
    throw UsageError(explain("answer " + inputs[0], "no questions", "QUESTIONS.json",
                             "vega-eval prepare " + inputs[0] + " makes it"));
  if (inputs.size() == 2 && !asks)
    throw UsageError(explain("answer", "'" + inputs[0] + "'",
                             "a benchmark: " + listed<tasks::Task>(tasks::kTasks, ", ")));
  if (inputs.size() > 2 && known())
    throw UsageError(explain("answer " + inputs[0],
                             std::to_string(inputs.size() - 1) + " files of questions", "one",
                             "run it once for each file, each with an -o of its own"));
  if (const std::string option = task.first_given(); !option.empty())
    throw UsageError(
        explain(option, "questions about one scene", "a benchmark: answer TASK QUESTIONS.json"));
  return false;
}

void AnswerVerb::visit(OptionVisitor& v) {
  v.inputs(inputs, "INPUT...",
           "SCENE: a scan folder, a .sens file, a folder of frames, a video, or the KEY of files; "
           "or TASK QUESTIONS.json: a benchmark and what vega-eval prepare wrote of it");
  v.group("One scene: SCENE");
  v.texts("--ask", ask, "TEXT", "a question about the scene; may be given several times");
  v.texts("--locate", locate, "TEXT",
          "a description: which object is meant, and where is it; may be given several times");
  v.text("--key", key, "KEY", "name of the scene (default: the name of the folder or file)");
  task.visit(v);
  visit_model_and_files(*this, v);
  frames.visit(v);
  visit_generation(*this, v);
  v.group("Output");
  v.text("-o,--out", out, "DIR",
         "of one scene: record of the answers and of what they depend on: KEY.json; of --locate "
         "also KEY-N.json, and the box as a mesh over the scan: KEY-N.ply, in the aligned frame "
         "KEY-N-aligned.ply. Of a benchmark: parts of answers and run.json");
  v.choice("--format", format, kAnswerFormats, "of the answer on stdout (one scene)");
  visit_device(v);
}

}  // namespace vega::evaluate
