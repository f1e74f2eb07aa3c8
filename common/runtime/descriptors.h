#pragma once

namespace nestor::runtime {

// Raises the process's soft limit of open descriptors to its hard one: what holds connections open
// shall leave some for Kea and the disk. Nothing here uses select(), which ends at 1024. Where the
// kernel refuses, the limit stays.
void AllowManyDescriptors();

}  // namespace nestor::runtime
