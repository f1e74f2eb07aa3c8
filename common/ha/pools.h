#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/service.h"
#include "common/config/object_set.h"

namespace nestor::ha {

// For whose clients the pools of one subnet are.
struct SubnetPools {
  // Those for no class and so, in load-balancing, for both servers' clients: "10.0.0.10 - 10.0.0.99
  // in subnet 10.0.0.0/24 (id 1)".
  std::vector<std::string> unsplit;
  bool split = false;  // there are some for one server's clients
};
// `subnet` is its document. What is no JSON has no pools.
SubnetPools PoolsOf(DhcpService service, const config::ObjectId& id, const std::string& subnet);

// The same of a configuration that changes: only the subnets that did are looked at. Not
// thread-safe.
class PoolsWatch {
 public:
  explicit PoolsWatch(DhcpService service) : service_(service) {}

  // Digest() of `now` was called.
  void Update(const config::ObjectSet& now);
  // Of the last Update(), at most `limit`.
  std::vector<std::string> Unsplit(size_t limit) const;
  // Whether any pool is for one server's clients.
  bool Splits() const { return split_ > 0; }

 private:
  void Take(const std::string& key, const SubnetPools& pools);

  DhcpService service_;
  config::ObjectSet seen_;
  std::map<std::string, SubnetPools> subnets_;  // that have pools of either sort
  size_t split_ = 0;                            // of those that are split
};

}  // namespace nestor::ha
