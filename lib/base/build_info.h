// What this program is: for banners, --version and the provenance of outputs.
#pragma once

#include <string>

namespace vega {

// "0.1.0".
const char* release();

// "0.1.0+g1a2b3c4", ".dirty" behind it where files were changed since that commit; "0.1.0" of a
// source tree without git.
const char* version();

// "0.1.0+g1a2b3c4 (gcc 12.2.0, Release, CUDA half built)".
std::string build_line();

std::string host_name();

// ISO 8601, UTC, seconds: "2026-11-21T09:30:00Z".
std::string utc_now();

// The command line as a shell would take it again; set once by main.
void set_command_line(int argc, char** argv);
const std::string& command_line();

}  // namespace vega
