#include "models/named_tensors.h"

#include <set>

#include "base/error.h"

namespace vega {
namespace {

std::string some_of(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < 3; ++i) text += (i ? ", " : "") + names[i];
  if (names.size() > 3) text += " and " + std::to_string(names.size() - 3) + " more";
  return text;
}

void check_kind(const TensorSet& set, const std::string& name, const TensorView& view,
                const Shape& shape) {
  const auto where = [&] { return set.origin(name).string() + ": " + name; };
  if (view.shape != shape) {
    throw FormatError(explain(where(), to_string(view.shape), to_string(shape),
                              "the configuration and the weights are of different models"));
  }
  if (view.dtype != DType::kF32 && view.dtype != DType::kF16 && view.dtype != DType::kBF16) {
    throw FormatError(explain(where(), std::string(name_of(view.dtype)), "f32, f16 or bf16",
                              "quantised repacks are not read"));
  }
}

}  // namespace

WeightViews take_tensors(const TensorSet& set, const std::vector<NamedTensor>& expected,
                         KeyLayout layout, const std::filesystem::path& where,
                         const std::vector<std::string_view>& tolerated) {
  WeightViews out;
  std::set<std::string_view> known(tolerated.begin(), tolerated.end());
  std::vector<std::string> missing, extra;
  for (const NamedTensor& tensor : expected) {
    const std::string& name = tensor.name(layout);
    known.insert(name);
    const TensorView* view = set.find(name);
    if (view == nullptr) {
      missing.push_back(name);
      continue;
    }
    check_kind(set, name, *view, tensor.shape);
    out.emplace(tensor.canonical, *view);
  }
  for (const auto& [name, view] : set.tensors()) {
    if (!known.contains(name)) extra.push_back(name);
  }
  const std::string all = std::to_string(expected.size()) + " tensors of the model";
  if (!missing.empty()) {
    throw FormatError(explain(
        where.string(), "no tensor " + some_of(missing), "all " + all,
        extra.empty() ? "fetch the checkpoint again"
                      : "it has " + some_of(extra) + " instead: another model or key layout"));
  }
  if (!extra.empty()) {
    throw FormatError(explain(set.origin(extra.front()).string(),
                              "unknown tensor " + some_of(extra), "only the " + all,
                              "remove them, or give the folder of the right model"));
  }
  return out;
}

}  // namespace vega
