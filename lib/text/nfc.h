// Normalisation form C of Unicode, in time that is linear in the text but for a factor log(n)
// within one run of marks.
#pragma once

#include <string>
#include <string_view>

namespace vega::text {

// The NFC of UTF-8 text: `text` itself where nothing changes, or else a view of `storage`, which is
// overwritten.
std::string_view nfc(std::string_view text, std::string& storage);

}  // namespace vega::text
