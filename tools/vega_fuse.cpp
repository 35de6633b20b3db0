#include "cli/programs.h"

int main(int argc, char** argv) { return vega::cli::run(argc, argv, vega::cli::fuse_program()); }
