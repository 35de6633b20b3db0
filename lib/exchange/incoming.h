// One scene to be imported: its files opened and understood, nothing written yet.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "exchange/frames.h"
#include "exchange/options.h"
#include "exchange/tokens.h"

namespace vega::exchange {

// One file that becomes one tap.
struct IncomingTap {
  std::unique_ptr<Foreign> file;
  std::optional<Said> said;  // what export wrote about it
  std::unique_ptr<TokenStream> tokens;
  TapInfo info;  // complete but for cache_key
};

struct Incoming {
  std::string tag;
  FrameTable frames;
  std::vector<IncomingTap> taps;  // at least one; names distinct
};

// path: a file, or a folder of them. key: of the scene (for --frames DIR). The recipe counts where
// the file's metadata says nothing or the same; a contradiction is an error. Throws
// UsageError naming the option that is missing, InputError, FormatError.
Incoming open_incoming(const std::filesystem::path& path, const std::string& key,
                       const ImportRecipe& recipe);

}  // namespace vega::exchange
