#pragma once

#include <string>

namespace nestor::store {

// Who holds a lock on the file `path`, for messages: "process 1234", or "another process" where
// the system does not say.
std::string LockHolder(const std::string& path);

}  // namespace nestor::store
