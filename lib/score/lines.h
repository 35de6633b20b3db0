// JSON Lines as other programs write them: with or without byte order mark, LF or CRLF.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "tasks/sample_members.h"
#include "text/python_json.h"

namespace vega::score {

inline constexpr std::size_t kMostLineBytes = std::size_t{32} << 20;

// A record of a file, for messages: "answers.jsonl:12".
std::string line_place(const std::string& file, std::size_t line);

// Gives each record to `use`, with its number (from 1). Lines without a character are passed over.
// An escape of half a surrogate pair ("\ud83d"), which Python writes and JSON does not have,
// becomes U+FFFD and is counted. Returns that count. Throws FormatError "FILE:LINE: ..." on a line
// that is no JSON object (also NaN and Infinity), is longer than kMostLineBytes or is not UTF-8; on
// a text without a record; and what `use` throws.
std::size_t each_record(std::string_view text, const std::string& file, const std::string& what,
                        const std::function<void(std::size_t line, const Json& record)>& use);

// The text of a file without its byte order mark. Throws InputError (cannot be opened), FormatError
// (UTF-16, or packed by gzip, zip or the like).
std::string file_text(const std::filesystem::path& path);

// For whole files of JSON: up to 1 GB.
JsonLimits large_json();

// The id of an answer, by one rule for all verbs: `id` or `idx` of the line's member `doc` (the log
// of VSI-Bench's harness, whose doc_id only counts lines); else the first of sample_id, id, idx,
// question_id, doc_id that the line has and that is not null; else the same within `doc`. Null:
// there is none.
const Json& answer_id(const Json& line);
inline constexpr const char* kAnswerId =
    "the id of a question, a text or a whole number: sample_id, id, idx, question_id or doc_id";

// What a line has, for a message on a member that it lacks: "members answer, id".
std::string members_text(const Json& line);

using tasks::id_text;
using text::foreign_number;
using text::with_whole_surrogates;

}  // namespace vega::score
