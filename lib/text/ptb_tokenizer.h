// English text to tokens as the Stanford tokeniser of the Penn Treebank makes them for caption
// metrics (options -preserveLines -lowerCase). Source: Stanford CoreNLP 3.4.1, PTBTokenizer.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vega::text {

// The tokens of each line of a text, lower-cased. Lines end at \n, \r, \r\n and the rarer line ends
// of Unicode. A line's last token can depend on what the next line begins with, as in the original.
std::vector<std::vector<std::string>> ptb_tokens(std::string_view text);

// Captions as the caption metrics compare them: all are tokenised as one text, and punctuation goes
// away. A line end inside a caption counts as a blank.
std::vector<std::string> ptb_captions(std::span<const std::string> captions);

}  // namespace vega::text
