#include "weights/tensor_set.h"

#include <algorithm>
#include <utility>

#include "weights/detail.h"

namespace vega {
namespace detail = weights_detail;

void TensorSet::add_source(const std::string& name, Source source) {
  const auto file = source.file;
  const auto [place, fresh] = sources_.try_emplace(name, std::move(source));
  if (!fresh) {
    detail::fail(
        detail::where(file, name),
        "a second tensor of this name (the first is in " + place->second.file.string() + ")",
        "unique names", "remove the file that does not belong to this model");
  }
  add_file(file);
}

void TensorSet::add(std::string name, TensorView view, Owner owner,
                    const std::filesystem::path& file, Check check) {
  add_source(name, {std::move(owner), file, std::move(check)});
  tensors_.emplace(std::move(name), std::move(view));
}

void TensorSet::add_unreadable(const std::string& name, std::string type,
                               const std::filesystem::path& file) {
  add_source(name, {nullptr, file, {}});
  unreadable_.emplace(name, std::move(type));
}

void TensorSet::merge(const TensorSet& other) {
  for (const auto& [name, source] : other.sources_) add_source(name, source);
  tensors_.insert(other.tensors_.begin(), other.tensors_.end());
  unreadable_.insert(other.unreadable_.begin(), other.unreadable_.end());
  for (const auto& file : other.files_) add_file(file);
  for (const auto& [key, value] : other.metadata_) add_metadata(key, value);
}

const TensorView* TensorSet::find(const std::string& name) const {
  const auto place = tensors_.find(name);
  return place == tensors_.end() ? nullptr : &place->second;
}

const TensorView& TensorSet::at(const std::string& name) const {
  if (const auto* view = find(name)) return *view;
  if (const auto odd = unreadable_.find(name); odd != unreadable_.end())
    detail::fail(detail::where(origin(name), name), printable(odd->second),
                 "f32, f16, bf16 or whole numbers", "convert the checkpoint to one of them");
  fail_missing(name);
}

std::vector<std::string> TensorSet::names() const {
  std::vector<std::string> out;
  out.reserve(tensors_.size());
  for (const auto& entry : tensors_) out.push_back(entry.first);
  return out;
}

void TensorSet::verify(const std::string& name) const {
  at(name);
  if (const auto& check = source(name).check) check();
}

const std::filesystem::path& TensorSet::origin(const std::string& name) const {
  return source(name).file;
}

const TensorSet::Owner& TensorSet::owner(const std::string& name) const {
  return source(name).owner;
}

void TensorSet::add_file(const std::filesystem::path& file) {
  // Tensors arrive file by file: the last entry matches nearly always.
  if (!files_.empty() && files_.back() == file) return;
  if (std::find(files_.begin(), files_.end(), file) == files_.end()) files_.push_back(file);
}

void TensorSet::add_metadata(const std::string& key, const std::string& value) {
  metadata_.try_emplace(key, value);
}

const TensorSet::Source& TensorSet::source(const std::string& name) const {
  const auto place = sources_.find(name);
  if (place == sources_.end()) fail_missing(name);
  return place->second;
}

void TensorSet::fail_missing(const std::string& name) const {
  std::string searched = files_.empty() ? "no file" : files_.front().string();
  if (files_.size() > 1) searched += " and " + std::to_string(files_.size() - 1) + " more";
  detail::fail(detail::where(searched, name), "no such tensor among " + std::to_string(size()),
               "the complete checkpoint", "check that the files belong to this model");
}

}  // namespace vega
