#include "exchange/foreign.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "base/error.h"
#include "weights/safetensors.h"
#include "weights/torch_file.h"

namespace vega::exchange {
namespace fs = std::filesystem;
namespace {

constexpr std::array<std::string_view, 6> kEndings{".pt",          ".pth", ".bin",
                                                   ".safetensors", ".npy", ".npz"};
constexpr std::size_t kMostSmall = std::size_t{256} << 20;
constexpr std::size_t kMostCard = std::size_t{16} << 20;

class MappedStream final : public ArrayStream {
 public:
  MappedStream(TensorView view, std::string where)
      : view_(std::move(view)), where_(std::move(where)) {}

  void rewind() override { at_ = 0; }
  void read(std::span<std::byte> out) override {
    if (out.size() > view_.bytes() - at_)
      throw FormatError(
          explain(where_, "the end of the values", std::to_string(out.size()) + " bytes more"));
    if (!out.empty()) std::memcpy(out.data(), view_.data + at_, out.size());
    at_ += out.size();
  }

 private:
  TensorView view_;
  std::string where_;
  std::size_t at_ = 0;
};

}  // namespace

struct Foreign::State {
  fs::path path;
  std::optional<TensorSet> tensors;  // torch, safetensors
  std::unique_ptr<NpyFile> numpy;
  std::vector<Entry> entries;
  Card card;

  void list() {
    if (numpy) {
      for (const auto& array : numpy->arrays())
        entries.push_back({array.name, array.header.dtype, array.header.shape, array.problem});
      return;
    }
    for (const auto& [name, view] : tensors->tensors())
      entries.push_back({name, view.dtype, view.shape, {}});
    for (const auto& [name, type] : tensors->unreadable()) {
      entries.push_back({name, {}, {}, {}});
      try {
        tensors->at(name);
      } catch (const FormatError& error) {
        entries.back().problem = error.what();
      }
    }
  }

  // Of safetensors as it stands; of a .pt that export wrote, out of its tensor `metadata`.
  void take_card() {
    if (!tensors) return;
    card = tensors->metadata();
    const TensorView* text = tensors->find("metadata");
    if (!card.empty() || text == nullptr || text->dtype != DType::kU8 || text->shape.size() != 1 ||
        text->bytes() > kMostCard)
      return;
    card =
        card_from_json({reinterpret_cast<const char*>(text->data), text->bytes()}).value_or(Card{});
  }
};

bool Foreign::is_known(const fs::path& path) {
  return std::find(kEndings.begin(), kEndings.end(), path.extension().string()) != kEndings.end();
}

Foreign::Foreign(const fs::path& path) : state_(std::make_unique<State>()) {
  state_->path = path;
  const std::string ending = path.extension().string();
  if (!is_known(path)) {
    std::string known;
    for (const auto& one : kEndings) known += (known.empty() ? "" : ", ") + std::string(one);
    throw InputError(explain(path.string(), ending.empty() ? "no ending" : "the ending " + ending,
                             "one of " + known,
                             ending == ".h5" ? "features of vega need no import" : "rename it"));
  }
  if (ending == ".npy" || ending == ".npz") {
    state_->numpy = std::make_unique<NpyFile>(path);
  } else if (ending == ".safetensors") {
    state_->tensors = read_safetensors(path);
  } else {
    state_->tensors = read_torch_file(path);
  }
  state_->list();
  state_->take_card();
}

Foreign::~Foreign() = default;

const fs::path& Foreign::path() const { return state_->path; }
const std::vector<Foreign::Entry>& Foreign::entries() const { return state_->entries; }
const Card& Foreign::card() const { return state_->card; }

const Foreign::Entry* Foreign::find(const std::string& name) const {
  for (const Entry& entry : state_->entries) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

std::string Foreign::where(const Entry& entry) const {
  return state_->path.string() + (entry.name.empty() ? "" : ": array '" + entry.name + "'");
}

std::unique_ptr<ArrayStream> Foreign::open(const Entry& entry) const {
  if (state_->tensors) {
    state_->tensors->verify(entry.name);
    return std::make_unique<MappedStream>(state_->tensors->at(entry.name), where(entry));
  }
  for (const auto& array : state_->numpy->arrays()) {
    if (array.name == entry.name) return state_->numpy->open(array);
  }
  throw FormatError(explain(state_->path.string(), "no array '" + entry.name + "'"));
}

std::vector<std::byte> Foreign::read(const Entry& entry, DType dtype, const Shape& shape) const {
  if (!entry.problem.empty()) throw FormatError(entry.problem);
  bool same = entry.dtype == dtype && entry.shape.size() == shape.size();
  for (std::size_t d = 0; same && d < shape.size(); ++d)
    same = shape[d] < 0 || entry.shape[d] == shape[d];
  const std::size_t bytes = TensorView{entry.dtype, entry.shape, nullptr}.bytes();
  if (!same || bytes > kMostSmall)
    throw FormatError(explain(
        where(entry), std::string(vega::name_of(entry.dtype)) + " " + to_string(entry.shape),
        std::string(vega::name_of(dtype)) + " " + to_string(shape)));
  std::vector<std::byte> out(bytes);
  open(entry)->read(out);
  return out;
}

}  // namespace vega::exchange
