// One exported file: what goes in, how it is written, and whether a file that is there is equal.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/choice.h"
#include "exchange/card.h"
#include "weights/torch_writer.h"

namespace vega::exchange {

enum class Format { kTorch, kSafetensors, kNpy };

inline constexpr Choice<Format> kFormats[] = {
    {Format::kTorch, "pt", "a dict of tensors for torch.load"},
    {Format::kSafetensors, "safetensors", "the same tensors and metadata"},
    {Format::kNpy, "npy", "the tokens alone, bf16 widened to float32 (exact)"}};
std::string_view name_of(Format format);  // of the table

// Equal entries and cards give equal bytes. Entries are filled in pieces, each as often as asked.
struct Outgoing {
  std::filesystem::path path;
  Format format = Format::kTorch;
  bool plain = false;  // kTorch: the first entry alone, no dict around it (kNpy: always)
  std::vector<TorchEntry> entries;  // the tokens first
  Card card;                        // not of plain files
};

// Part file, rename: the file appears whole or not at all. Throws OutputError, and what `fill`
// throws.
void write(const Outgoing& file);

// One line for each difference between the file that already exists and what would be written;
// empty: equal. Throws FormatError where that file cannot be read.
std::vector<std::string> differences(const Outgoing& file);

}  // namespace vega::exchange
