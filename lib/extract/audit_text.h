// What the tables of dry runs share. Private to lib/extract.
#pragma once

#include <cstdint>
#include <string>

#include "extract/audit.h"

namespace vega::extract {

inline constexpr const char* kNone = "-";

std::string size_text(double bytes);            // "21.0 MB"; "?" where it is not known; kNone of 0
std::string seconds_text(double seconds);       // "< 1 s", "12 min 05 s"
std::string count_text(std::int64_t count);     // kNone of 0
std::string verdict(const Findings& findings);  // "2 errors", "1 warning", "ok"

// `first`, then the words of the text in lines of at most 118 columns, indented below it.
void put(std::string& out, const std::string& first, const std::string& text);

// Findings of every scene and of the run; notes that several scenes share are told once.
void put_findings(std::string& out, const Audit& audit);

}  // namespace vega::extract
