// A system that has no thread to give.
#pragma once

#include <pthread.h>

#include <cstddef>

namespace vega::test {

// While it lives, new threads ask for a stack larger than the address space, so that starting one
// fails (glibc). `works` is false where the C library does not let itself be told.
class NoThreads {
 public:
  NoThreads() {
    pthread_attr_t wanted;
    if (pthread_getattr_default_np(&before_) != 0) return;
    pthread_getattr_default_np(&wanted);
    works = pthread_attr_setstacksize(&wanted, std::size_t{1} << 48) == 0 &&
            pthread_setattr_default_np(&wanted) == 0;
    pthread_attr_destroy(&wanted);
  }
  ~NoThreads() {
    pthread_setattr_default_np(&before_);
    pthread_attr_destroy(&before_);
  }
  NoThreads(const NoThreads&) = delete;
  NoThreads& operator=(const NoThreads&) = delete;

  bool works = false;

 private:
  pthread_attr_t before_{};
};

}  // namespace vega::test
