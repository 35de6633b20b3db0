// Calls that writers of outputs share: bringing a file or a folder's names to the disk, and the
// error of a system call that failed.
#pragma once

#include <filesystem>

namespace vega {

// Throws the OutputError of a system call that set errno: path, "<what> failed (reason)", remedy.
[[noreturn]] void fail_output(const std::filesystem::path& path, const char* what);

// fsync, repeated where a signal broke it off. Returns its status; errno says why it failed.
int sync_file(int descriptor);

// Brings the names within a folder to the disk. File systems that cannot do so are passed over.
// Throws OutputError.
void sync_folder(const std::filesystem::path& folder);

}  // namespace vega
