#include "common/ha/pools.h"

namespace nestor::ha {

using config::Kind;

void PoolsWatch::Update(const config::ObjectSet& now) {
  const config::ChangeSet change = config::Diff(seen_, now);
  for (const config::ObjectId& id : change.removed) {
    if (id.kind == Kind::kSubnet) Take(id.key, {});
  }
  for (const auto& [id, text] : change.upserted) {
    if (id.kind == Kind::kSubnet) Take(id.key, PoolsOf(service_, id, text));
  }
  seen_ = now;
}

void PoolsWatch::Take(const std::string& key, const SubnetPools& pools) {
  const auto was = subnets_.find(key);
  if (was != subnets_.end()) {
    split_ -= was->second.split ? 1 : 0;
    subnets_.erase(was);
  }
  if (!pools.split && pools.unsplit.empty()) return;
  split_ += pools.split ? 1 : 0;
  subnets_.emplace(key, pools);
}

std::vector<std::string> PoolsWatch::Unsplit(size_t limit) const {
  std::vector<std::string> unsplit;
  for (const auto& [key, pools] : subnets_) {
    for (const std::string& pool : pools.unsplit) {
      if (unsplit.size() == limit) return unsplit;
      unsplit.push_back(pool);
    }
  }
  return unsplit;
}

}  // namespace nestor::ha
