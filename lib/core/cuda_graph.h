// Functions of the CUDA half for recorded work, which core finds by name at run time; the rest of
// the program uses core/graph.h. Each returns 0, or another number and writes the reason to `why`.
#pragma once

extern "C" {

// Begins to record what this thread queues on the device: a stream of its own becomes current.
int vega_cuda_graph_begin(int device, void** graph, char* why, int capacity);
// Ends it and puts the former stream back, also where the recording has failed.
int vega_cuda_graph_end(void* graph, char* why, int capacity);
int vega_cuda_graph_replay(void* graph, char* why, int capacity);
void vega_cuda_graph_free(void* graph);

}  // extern "C"
