// Which questions of a file are shown, and in what order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/choice.h"
#include "tasks/scored.h"

namespace vega::evaluate {

enum class CaseOrder { kLoss, kGain, kId };
inline constexpr Choice<CaseOrder> kCaseOrders[] = {
    {CaseOrder::kLoss, "loss", "what earned least comes first"},
    {CaseOrder::kGain, "gain", "where B earned most more than A comes first"},
    {CaseOrder::kId, "id"}};

struct CaseChoice {
  CaseOrder order = CaseOrder::kLoss;
  std::string metric;              // by which it is sorted; empty: ScoredFile::main
  std::vector<std::string> ids;    // none: all
  std::vector<std::string> types;  // none: all; a word of the type is enough
  std::int64_t count = 0;          // at most; 0: all
};

struct ShownCase {
  std::size_t question = 0;  // of ScoredFile::questions
  std::string value;         // what it is sorted by: "IoU 12.3", "IoU +33.1", "" by id
};

// Equal ones stay in the order of the file; what has no number comes last. Throws UsageError (a
// metric that the file does not have, gain without B), InputError (an id or type that no question
// has; broken questions have none).
std::vector<ShownCase> chosen_cases(const tasks::ScoredFile& file, const CaseChoice& choice);

// A text as a part of a file's name: letters, digits, ".", "_", "-", "@"; at most 60 bytes.
std::string name_part(std::string_view text);

}  // namespace vega::evaluate
