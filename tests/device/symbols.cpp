// Kernels and their __shared__ variables are local symbols, which dladdr does not know: they stand
// in the table of the file itself.
#include "symbols.h"

#include <cxxabi.h>
#include <dlfcn.h>
#include <elf.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>

namespace vega::host_device {
namespace {

struct Function {
  std::string source, symbol;  // "token_gate", "_ZN..."
};
struct Object {
  std::uint64_t address, size;
};

// Addresses are those in the file.
struct Symbols {
  std::map<std::uint64_t, Function> functions;
  std::map<std::string, Object> objects;

  explicit Symbols(const char* path) {
    std::ifstream in(path, std::ios::binary);
    const std::string file{std::istreambuf_iterator<char>(in), {}};
    const auto take = [&](auto& out, std::uint64_t at) {
      if (at + sizeof out > file.size()) return false;
      std::memcpy(&out, file.data() + at, sizeof out);
      return true;
    };
    Elf64_Ehdr header;
    if (!take(header, 0) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return;
    for (unsigned s = 0; s < header.e_shnum; ++s) {
      Elf64_Shdr table, names;
      if (!take(table, header.e_shoff + s * sizeof table) || table.sh_type != SHT_SYMTAB) continue;
      if (!take(names, header.e_shoff + table.sh_link * sizeof names)) continue;
      Elf64_Sym symbol;
      std::string source;  // local symbols follow the name of their file
      for (std::uint64_t at = 0; at < table.sh_size; at += sizeof symbol) {
        if (!take(symbol, table.sh_offset + at)) break;
        const std::uint64_t name = names.sh_offset + symbol.st_name;
        if (name >= file.size()) continue;
        const char* text = file.c_str() + name;
        if (ELF64_ST_TYPE(symbol.st_info) == STT_FILE) {
          source = text;
          source = source.substr(0, source.rfind("_cuda.cu"));
        }
        if (ELF64_ST_TYPE(symbol.st_info) == STT_FUNC) functions[symbol.st_value] = {source, text};
        if (ELF64_ST_TYPE(symbol.st_info) == STT_OBJECT)
          objects[text] = {symbol.st_value, symbol.st_size};
      }
    }
  }
};

// Without the result, namespaces and parameters.
std::string short_name(const std::string& symbol) {
  int status = 0;
  char* text = abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status);
  std::string name = text != nullptr ? text : symbol;
  std::free(text);
  for (const char* left_out :
       {"void ", "vega::kernels::device::", "vega::kernels::", "(anonymous namespace)::"}) {
    for (auto at = name.find(left_out); at != std::string::npos; at = name.find(left_out))
      name.erase(at, std::strlen(left_out));
  }
  const auto end = name.find('<') == std::string::npos ? name.find('(') : name.find(">(");
  return end == std::string::npos ? name : name.substr(0, name[end] == '>' ? end + 1 : end);
}

Kernel look_up(const void* address) {
  Kernel kernel;
  Dl_info info{};
  if (address == nullptr || dladdr(address, &info) == 0) return kernel;
  static const Symbols symbols(info.dli_fname);
  auto* const base = static_cast<char*>(info.dli_fbase);
  const auto function = symbols.functions.find(static_cast<const char*>(address) - base);
  if (function == symbols.functions.end()) return kernel;
  const auto& [source, symbol] = function->second;
  kernel.name = source + "/" + short_name(symbol);
  // _ZN...v has the static variables _ZZN...vE...
  const std::string prefix = "_ZZ" + symbol.substr(2) + "E";
  for (auto at = symbols.objects.lower_bound(prefix);
       at != symbols.objects.end() && at->first.starts_with(prefix); ++at)
    kernel.shared.emplace_back(base + at->second.address, at->second.size);
  return kernel;
}

}  // namespace

const Kernel& kernel_at(const void* address) {
  static std::mutex mutex;
  static std::map<const void*, Kernel> known;
  const std::lock_guard lock(mutex);
  const auto found = known.find(address);
  if (found != known.end()) return found->second;
  return known.emplace(address, look_up(address)).first->second;
}

}  // namespace vega::host_device
