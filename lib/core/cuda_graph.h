// What core asks of the CUDA half for recorded work: plain functions, found by name at run time
// (core/graph.h is what the rest of the program sees). Each returns 0, or writes why not.
#pragma once

extern "C" {

// Begins to record what this thread queues on the device: a stream of its own becomes current.
int vega_cuda_graph_begin(int device, void** graph, char* why, int capacity);
// Ends it and puts the former stream back, also where the recording has failed.
int vega_cuda_graph_end(void* graph, char* why, int capacity);
int vega_cuda_graph_replay(void* graph, char* why, int capacity);
void vega_cuda_graph_free(void* graph);

}  // extern "C"
