// HDF5 files of vega for the verbs `inspect` and `verify` (run/file_verbs.h).
#pragma once

#include <string>
#include <vector>

#include "run/file_verbs.h"

namespace vega {

FileReader h5_reader();

// The two verbs of a program that reads HDF5 files alone. program: its name, for the examples.
std::vector<Verb> file_verbs(const std::string& program);

}  // namespace vega
