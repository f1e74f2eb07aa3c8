// Configurations small enough to be written in a line, and the names they go by.
#pragma once

#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "common/config/object_set.h"

namespace nestor::protocol {

using SetPtr = std::shared_ptr<const config::ObjectSet>;

inline std::string StreamNamed(char letter) { return std::string(16, letter); }

inline config::ObjectId Subnet(int id) { return {config::Kind::kSubnet, fmt::format("{}", id)}; }

// The subnets `ids`, each with the lifetime `lifetime`.
inline SetPtr Subnets(const std::vector<int>& ids, int lifetime = 3600) {
  auto set = std::make_shared<config::ObjectSet>();
  for (const int id : ids) {
    set->Put(Subnet(id), fmt::format(R"({{"id":{},"valid-lifetime":{}}})", id, lifetime));
  }
  (void)set->Digest();
  return set;
}

inline std::string DigestOf(const SetPtr& set) { return std::string(config::Bytes(set->Digest())); }

}  // namespace nestor::protocol
