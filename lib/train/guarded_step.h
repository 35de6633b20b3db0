// A step of training that may be stopped or fail.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <exception>

#include "base/error.h"
#include "base/stop.h"
#include "ranks/error.h"

namespace vega::train {

// Runs work(), which asks check_stop(). Where it is stopped, cannot read its files, lacks memory or
// has lost a rank, save() saves what was done until then, and the error goes on, with words on how
// to continue. A model at fault and a disk that is full save nothing. save() returns how many steps
// are saved.
template <typename Save, typename Work>
void guarded_step(std::int64_t steps, const Save& save, const Work& work) {
  try {
    work();
  } catch (const ModelError&) {
    throw;
  } catch (const OutputError&) {
    throw;
  } catch (const Stopped&) {
    const std::int64_t saved = save();
    throw Stopped(fmt::format("stopped after step {} of {}, which is saved; run again to go on",
                              saved, steps));
  } catch (const DeviceMemoryError&) {
    save();
    throw;
  } catch (const RankError& error) {
    const std::int64_t saved = save();
    throw RankError(fmt::format("{}\n  {} of {} steps are saved; run again to go on", error.what(),
                                saved, steps));
  } catch (const InputError& error) {
    const std::int64_t saved = save();
    throw InputError(fmt::format("{}\n  {} of {} steps are saved; run again to go on", error.what(),
                                 saved, steps));
  }
}

// The error that work() ends with, where the other ranks wait for this one's part, which it brings
// all the same. The loss of a rank goes on at once.
template <typename Work>
std::exception_ptr failure_of(const Work& work) {
  try {
    work();
  } catch (const RankError&) {
    throw;
  } catch (const Error&) {
    return std::current_exception();
  }
  return nullptr;
}

}  // namespace vega::train
