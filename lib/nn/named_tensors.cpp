#include "nn/named_tensors.h"

#include <iterator>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/printable.h"

namespace vega {
namespace {

// Lists the faults of a file's tensors, by kind, so that one error names them all.
struct Faults {
  std::vector<std::string> missing, unknown, misshapen, mistyped;
  bool placeholder = false;  // a shape [0] where there should be values

  bool none() const {
    return missing.empty() && unknown.empty() && misshapen.empty() && mistyped.empty();
  }

  std::string text() const {
    std::string out;
    const auto add = [&](const char* what, const std::vector<std::string>& names) {
      if (!names.empty()) out += (out.empty() ? "" : "; ") + std::string(what) + some_of(names);
    };
    add("no tensor ", missing);
    add("tensor ", misshapen);
    add("tensor ", mistyped);
    add("unknown tensor ", unknown);
    return out;
  }

  std::string remedy() const {
    if (placeholder)
      return "DeepSpeed ZeRO-3 saved placeholders without values: gather the weights with "
             "zero_to_fp32.py, which stands in the checkpoint's folder, or save with "
             "stage3_gather_16bit_weights_on_model_save";
    if (!mistyped.empty()) return "quantised repacks are not read: take the checkpoint they are of";
    if (!missing.empty() && !unknown.empty()) return "another model or another key layout";
    if (!missing.empty()) return "fetch the checkpoint again";
    if (!misshapen.empty()) return "the configuration and the weights are of different models";
    return "remove them, or give the folder of the right model";
  }
};

std::string in_file(const TensorSet& set, const std::string& name) {
  return printable(name) + " of " + set.origin(name).filename().string();
}

void check_kind(const TensorSet& set, const std::string& name, const TensorView& view,
                const Shape& shape, Faults& faults) {
  if (view.shape != shape) {
    faults.placeholder |= view.shape == Shape{0};
    faults.misshapen.push_back(in_file(set, name) + " with shape " + to_string(view.shape) +
                               ", not " + to_string(shape));
  }
  if (view.dtype != DType::kF32 && view.dtype != DType::kF16 && view.dtype != DType::kBF16)
    faults.mistyped.push_back(in_file(set, name) + " in " + std::string(name_of(view.dtype)));
}

}  // namespace

std::string some_of(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < 3; ++i) text += (i ? ", " : "") + names[i];
  if (names.size() > 3) text += " and " + std::to_string(names.size() - 3) + " more";
  return text;
}

WeightViews take_tensors(const TensorSet& set, const std::vector<NamedTensor>& expected,
                         KeyLayout layout, const TensorScope& scope) {
  WeightViews out;
  std::set<std::string> known;
  Faults faults;
  for (const NamedTensor& tensor : expected) {
    const std::string name = scope.prefix + tensor.name(layout);
    known.insert(name);
    if (const auto odd = set.unreadable().find(name); odd != set.unreadable().end()) {
      faults.mistyped.push_back(in_file(set, name) + " in " + printable(odd->second));
    } else if (const TensorView* view = set.find(name)) {
      check_kind(set, name, *view, tensor.shape, faults);
      out.emplace(tensor.canonical, *view);
    } else {
      faults.missing.push_back(name);
    }
  }
  const auto look_at = [&](const std::string& name) {
    const std::string_view text = name;
    if (!text.starts_with(scope.prefix) || known.contains(name)) return;
    if (scope.tolerated && scope.tolerated(text.substr(scope.prefix.size()))) return;
    faults.unknown.push_back(in_file(set, name));
  };
  for (const auto& [name, view] : set.tensors()) look_at(name);
  for (const auto& [name, type] : set.unreadable()) look_at(name);
  if (faults.none()) return out;
  throw FormatError(explain(scope.where, faults.text(),
                            "all " + std::to_string(expected.size()) +
                                " tensors of the model and no others" +
                                (faults.mistyped.empty() ? "" : ", in f32, f16 or bf16"),
                            faults.remedy()));
}

std::optional<std::string> find_prefix(const TensorSet& set, std::string_view name,
                                       const std::string& where) {
  std::set<std::string> found;  // the empty prefix is the first where it is there
  const auto look_at = [&](const std::string& full) {
    if (!full.ends_with(name)) return;
    std::string prefix = full.substr(0, full.size() - name.size());
    if (prefix.empty() || prefix.ends_with('.')) found.insert(std::move(prefix));
  };
  for (const auto& [full, view] : set.tensors()) look_at(full);
  for (const auto& [full, type] : set.unreadable()) look_at(full);
  if (found.empty()) return std::nullopt;
  if (found.size() > 1 && !found.begin()->empty())
    throw FormatError(explain(where,
                              printable(*found.begin() + std::string(name)) + " and " +
                                  printable(*std::next(found.begin()) + std::string(name)),
                              "one of them", "keep the model that is meant"));
  return *found.begin();
}

}  // namespace vega
