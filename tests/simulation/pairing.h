#pragma once

#include "tests/simulation/world.h"

namespace nestor::simulation {

// A relationship is created, edited and removed again and again on two Keas, while agents and Keas
// die, hang and refuse, disks fail and the network is cut. S16: each time both servers have what was
// asked for, in what they run and in their files, or both have what they had; what the operator was
// told is what came of it; and nothing stays unfinished once the faults have ended.
Result RunPairing(const Options& options);

}  // namespace nestor::simulation
