#pragma once

namespace nestor::runtime {

// Keeps malloc from holding on to what a large configuration needed once: few arenas, and large
// blocks go back to the system when freed. Before any other thread is made.
void BoundMemory();

// Gives back freed memory, if there is much of it. May take milliseconds: worker threads only.
void ReleaseFreeMemory();

}  // namespace nestor::runtime
