// Memory of the process.
#pragma once

namespace vega {

// Freed memory stays with the process and is used again. By default glibc gives every block of more
// than 32 MB back to the system, so that each layer of a network would fault in all pages of its
// activations anew. Call before threads are started; calling again does nothing.
void keep_freed_memory();

}  // namespace vega
