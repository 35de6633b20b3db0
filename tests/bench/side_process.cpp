#include "bench/side_process.h"

#include <fmt/core.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "base/error.h"

namespace vega::bench {

SideProcess::SideProcess(std::string name, const std::vector<std::string>& argv)
    : name_(std::move(name)) {
  int down[2], up[2];
  if (pipe(down) != 0 || pipe(up) != 0) throw InputError("no pipes");
  std::vector<char*> arguments;
  for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  child_ = fork();
  if (child_ == 0) {
    dup2(down[0], 0);
    dup2(up[1], 1);
    for (const int end : {down[0], down[1], up[0], up[1]}) close(end);
    execvp(arguments[0], arguments.data());
    _exit(127);
  }
  close(down[0]);
  close(up[1]);
  to_ = fdopen(down[1], "w");
  from_ = fdopen(up[0], "r");
  read_line();
}

SideProcess::~SideProcess() {
  std::fclose(to_);
  std::fclose(from_);
  waitpid(child_, nullptr, 0);
}

Json SideProcess::order(const std::string& what) {
  fmt::print(to_, "{}\n", what);
  std::fflush(to_);
  const auto json = parse_json(read_line());
  if (!json) throw InputError(name_ + ": no answer");
  return *json;
}

std::string SideProcess::read_line() {
  std::string line;
  for (int c; (c = std::fgetc(from_)) != EOF && c != '\n';) line += static_cast<char>(c);
  if (line.empty()) throw InputError(name_ + ": ended; its messages stand above");
  return line;
}

std::int64_t SideProcess::status(const std::string& key) const {
  std::ifstream file(fmt::format("/proc/{}/status", child_));
  for (std::string word; file >> word;)
    if (word == key)
      if (std::int64_t kilobytes = 0; file >> kilobytes) return kilobytes * 1024;
  throw InputError(name_ + ": its memory cannot be read");
}

std::int64_t SideProcess::resident() const { return status("VmRSS:"); }
std::int64_t SideProcess::peak() const { return status("VmHWM:"); }

void SideProcess::restart_peak() {
  std::ofstream(fmt::format("/proc/{}/clear_refs", child_)) << "5";
}

}  // namespace vega::bench
