// Files that the servers of benchmarks take for splits whose answers are not public.
#pragma once

#include <filesystem>
#include <string>

#include "score/answers.h"
#include "score/validate_questions.h"

namespace vega::score {

// Whether a server takes answers of this task; else why not.
std::string no_server(Task task);

// The text of the file. answers: complete. labels: scannetv2-labels.combined.tsv, of ScanRefer,
// where the server reports unique and multiple ones by what the file says. Throws UsageError (no
// server, labels are missing), InputError (a question without an answer, object_id, ann_id or box).
//
// ScanQA: a list of {scene_id, question_id, answer_top10 (the answer ten times), bbox (zeros)}.
//
// ScanRefer: a list of {scene_id, object_id, ann_id, bbox (8 corners, metres), unique_multiple (1:
// multiple), others (1: none of the named classes)}.
std::string submission_text(const AnswerFile& answers, const AskedQuestions& questions,
                            const std::filesystem::path& labels);

}  // namespace vega::score
