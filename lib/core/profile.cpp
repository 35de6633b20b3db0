#include "core/profile.h"

#include <c10/core/impl/VirtualGuardImpl.h>

#include <cstring>

#include "base/error.h"
#include "core/check.h"
#include "core/device.h"

namespace vega {
namespace {

thread_local Profile* listener = nullptr;

double real(std::int64_t value) { return static_cast<double>(value); }

std::unique_ptr<c10::Event> recorded(at::Device device) {
  auto event = std::make_unique<c10::Event>(device.type(), c10::EventFlag::BACKEND_DEFAULT);
  event->record(c10::impl::VirtualGuardImpl(device.type()).getStream(device));
  return event;
}

}  // namespace

OpWork bytes_of(std::initializer_list<at::Tensor> tensors) {
  OpWork out;
  for (const at::Tensor& one : tensors) out.bytes += static_cast<double>(one.nbytes());
  return out;
}

OpWork copy_work(const at::Tensor& tensor, at::Device device) {
  return device == tensor.device() ? OpWork{} : bytes_of({tensor, tensor});
}

OpWork product_work(const at::Tensor& x, const at::Tensor& weight) {
  const double inner = real(weight.size(1)), outer = real(weight.size(0));
  const double rows = real(x.numel()) / inner;
  return {2 * rows * inner * outer, static_cast<double>(x.nbytes() + weight.nbytes()) +
                                        rows * outer * static_cast<double>(x.element_size())};
}

OpWork attention_work(const at::Tensor& q, const at::Tensor& k) {
  return {4 * real(q.numel()) * real(k.size(-2)), 2 * static_cast<double>(q.nbytes() + k.nbytes())};
}

Profile::Profile(at::Device device) : device_(device) {
  check_that(listener == nullptr, "Profile", "this thread", "one that is listened to",
             "one a time");
  listener = this;
}

Profile::~Profile() { listener = nullptr; }

void Profile::enter(const char* group, const OpWork& work) {
  if (depth_++ > 0) return;
  std::size_t row = 0;
  while (row < rows_.size() && std::strcmp(rows_[row].group, group) != 0) ++row;
  if (row == rows_.size()) rows_.push_back({group, 0, 0, {}});
  ++rows_[row].calls;
  rows_[row].work += work;
  Span span;
  span.row = row;
  if (!device_.is_cpu()) span.first = recorded(device_);
  span.start = std::chrono::steady_clock::now();
  spans_.push_back(std::move(span));
}

void Profile::leave() {
  if (--depth_ > 0) return;
  Span& span = spans_.back();
  span.stop = std::chrono::steady_clock::now();
  if (!device_.is_cpu()) span.last = recorded(device_);
}

std::vector<ProfileRow> Profile::rows() const {
  std::vector<ProfileRow> out = rows_;
  if (!device_.is_cpu()) synchronize(device_);
  for (const Span& span : spans_) {
    out[span.row].seconds += span.first
                                 ? span.first->elapsedTime(*span.last) * 1e-3
                                 : std::chrono::duration<double>(span.stop - span.start).count();
  }
  return out;
}

OpGroup::OpGroup(const char* group, const OpWork& work) : profile_(listener) {
  if (profile_ != nullptr) profile_->enter(group, work);
}

OpGroup::~OpGroup() {
  if (profile_ != nullptr) profile_->leave();
}

}  // namespace vega
