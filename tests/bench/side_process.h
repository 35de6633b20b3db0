// A program of its own that works on orders, beside others in the same run.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "base/json.h"

namespace vega::bench {

// Each order is a line on the program's stdin, each answer a line of JSON on its stdout.
class SideProcess {
 public:
  // Runs argv, looked up in PATH, and waits for its first line, after which it is ready. `name`
  // stands in errors. Throws InputError.
  SideProcess(std::string name, const std::vector<std::string>& argv);
  ~SideProcess();
  SideProcess(const SideProcess&) = delete;
  SideProcess& operator=(const SideProcess&) = delete;

  // Throws InputError where the program ended, or says what is no JSON.
  Json order(const std::string& what);

  // Memory of the program, bytes: what is resident now, and the most that was since restart_peak().
  std::int64_t resident() const;
  std::int64_t peak() const;
  void restart_peak();

 private:
  std::string read_line();
  std::int64_t status(const std::string& key) const;

  std::string name_;
  pid_t child_ = -1;
  std::FILE *to_ = nullptr, *from_ = nullptr;
};

}  // namespace vega::bench
