// Where the time of a computation goes, by groups of operators. Networks name the group that an
// operator belongs to and what it has to do at least (in_group); nothing is measured, and nothing
// is changed, where nobody listens.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Event.h>

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <utility>
#include <vector>

namespace vega {

// What operators cannot do without: a multiplication with its addition is 2 FLOP, and every tensor
// is read or written once.
struct OpWork {
  double flops = 0, bytes = 0;

  OpWork& operator+=(const OpWork& other) {
    flops += other.flops, bytes += other.bytes;
    return *this;
  }
};

// Tensors that are read or written once, a tensor that is both twice.
OpWork bytes_of(std::initializer_list<at::Tensor> tensors);
// A copy of the tensor to the device: nothing where it lies there.
OpWork copy_work(const at::Tensor& tensor, at::Device device);
// x (..., k) times the transpose of weight (n, k), in x's type.
OpWork product_work(const at::Tensor& x, const at::Tensor& weight);
// Softmax attention of q over k and v, all of q's shape (..., L, d) but for their own L.
OpWork attention_work(const at::Tensor& q, const at::Tensor& k);

struct ProfileRow {
  const char* group = "";
  std::int64_t calls = 0;
  double seconds = 0;  // of the clock on the CPU, between events on a device
  OpWork work;
};

// Listens to the thread that makes it, until it goes; one at a time a thread. Groups within groups
// count as the outer one.
class Profile {
 public:
  explicit Profile(at::Device device);
  ~Profile();
  Profile(const Profile&) = delete;
  Profile& operator=(const Profile&) = delete;

  // In the order in which groups first came. Waits for the device.
  std::vector<ProfileRow> rows() const;

 private:
  friend class OpGroup;
  struct Span {
    std::size_t row = 0;
    std::chrono::steady_clock::time_point start, stop;
    std::unique_ptr<c10::Event> first, last;  // on a device
  };
  void enter(const char* group, const OpWork& work);
  void leave();

  at::Device device_;
  int depth_ = 0;
  std::vector<ProfileRow> rows_;
  std::vector<Span> spans_;
};

// From here to the end of the scope: an operator of this group. The name is kept, not copied.
class OpGroup {
 public:
  OpGroup(const char* group, const OpWork& work);
  ~OpGroup();
  OpGroup(const OpGroup&) = delete;
  OpGroup& operator=(const OpGroup&) = delete;

 private:
  Profile* profile_;
};

// The result of `body`, which is an operator of the group.
template <typename Body>
decltype(auto) in_group(const char* group, const OpWork& work, Body&& body) {
  const OpGroup scope(group, work);
  return std::forward<Body>(body)();
}

}  // namespace vega
