#include "exchange/outgoing.h"

#include <algorithm>

#include "base/error.h"
#include "exchange/foreign.h"
#include "weights/npy.h"

namespace vega::exchange {
namespace {

TorchEntry text_entry(const std::string& name, const std::string& text) {
  return {{name, DType::kU8, {static_cast<std::int64_t>(text.size())}},
          [text](const ByteSink& sink) { sink(std::as_bytes(std::span(text))); }};
}

// What the format holds: a dict takes the card along as a tensor.
std::vector<TorchEntry> tensors_of(const Outgoing& file) {
  if (file.plain || file.format == Format::kNpy) return {file.entries.front()};
  std::vector<TorchEntry> all = file.entries;
  if (file.format == Format::kTorch) all.push_back(text_entry("metadata", to_json(file.card)));
  return all;
}

std::string shown(const TensorSpec& spec) {
  return std::string(vega::name_of(spec.dtype)) + " " + to_string(spec.shape);
}

void compare_cards(const Card& there, const Card& asked, std::vector<std::string>& lines) {
  Card all = there;
  all.insert(asked.begin(), asked.end());
  for (const auto& [name, value] : all) {
    const auto a = there.find(name), b = asked.find(name);
    if (a != there.end() && b != asked.end() && a->second == b->second) continue;
    lines.push_back(name + ": file has " + (a == there.end() ? "nothing" : a->second) + ", asked " +
                    (b == asked.end() ? "without it" : b->second));
  }
}

struct Differs {
  std::uint64_t byte;
};

// Streams what would be written against what is there.
void compare_values(const Foreign& there, const Foreign::Entry& at, const TorchEntry& asked,
                    std::vector<std::string>& lines) {
  const auto stream = there.open(at);
  std::vector<std::byte> buffer;
  std::uint64_t done = 0;
  try {
    asked.fill([&](std::span<const std::byte> piece) {
      buffer.resize(piece.size());
      stream->read(buffer);
      const auto [a, b] = std::mismatch(piece.begin(), piece.end(), buffer.begin());
      if (a != piece.end()) throw Differs{done + static_cast<std::uint64_t>(a - piece.begin())};
      done += piece.size();
    });
  } catch (const Differs& found) {
    std::string place;
    if (!at.shape.empty() && at.shape[0] > 0) {
      const auto all = TensorView{at.dtype, at.shape, nullptr}.bytes();
      place = " from row " +
              std::to_string(found.byte / (all / static_cast<std::uint64_t>(at.shape[0]))) + " on";
    }
    lines.push_back(asked.spec.name + ": other values" + place);
  }
}

}  // namespace

std::string_view name_of(Format format) { return name_in<Format>(kFormats, format); }

void write(const Outgoing& file) {
  const auto tensors = tensors_of(file);
  if (file.format == Format::kTorch) {
    return file.plain ? write_torch_tensor(file.path, tensors.front())
                      : write_torch_file(file.path, tensors);
  }
  if (file.format == Format::kNpy) {
    NpyWriter writer(file.path, tensors.front().spec.dtype, tensors.front().spec.shape);
    tensors.front().fill([&](std::span<const std::byte> piece) { writer.write(piece); });
    return writer.publish();
  }
  std::vector<TensorSpec> specs;
  for (const auto& tensor : tensors) specs.push_back(tensor.spec);
  SafetensorsWriter writer(file.path, specs, file.card);
  for (const auto& tensor : tensors) {
    tensor.fill([&](std::span<const std::byte> piece) { writer.write(tensor.spec.name, piece); });
  }
  writer.publish();
}

std::vector<std::string> differences(const Outgoing& file) {
  const Foreign there(file.path);
  const auto tensors = tensors_of(file);
  const bool single = file.plain || file.format == Format::kNpy;
  std::vector<std::string> lines;
  if (!single) compare_cards(there.card(), file.card, lines);
  for (const auto& entry : there.entries()) {
    const bool known = std::any_of(tensors.begin(), tensors.end(), [&](const TorchEntry& tensor) {
      return single ? entry.name.empty() : tensor.spec.name == entry.name;
    });
    if (!known) lines.push_back(entry.name + ": only in the file");
  }
  for (const auto& tensor : tensors) {
    const auto* entry = there.find(single ? "" : tensor.spec.name);
    const std::string got = entry == nullptr ? "nothing" : shown({"", entry->dtype, entry->shape});
    if (got != shown(tensor.spec)) {
      lines.push_back(tensor.spec.name + ": file has " + got + ", asked " + shown(tensor.spec));
      continue;
    }
    // The card was compared above, name by name.
    if (tensor.spec.name != "metadata") compare_values(there, *entry, tensor, lines);
  }
  return lines;
}

}  // namespace vega::exchange
