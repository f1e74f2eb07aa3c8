#pragma once

#include <cc/data.h>

#include <string>

namespace nestor::hook {

// The JSON in `packed`, base64 of a zstd frame. Throws Refused(malformed).
isc::data::ConstElementPtr Unpack(const std::string& packed);

}  // namespace nestor::hook
