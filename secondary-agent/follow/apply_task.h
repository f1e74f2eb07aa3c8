#pragma once

#include <optional>
#include <string>

#include "common/protocol/follower.h"
#include "common/store/follower_store.h"
#include "secondary-agent/apply/applier.h"

namespace nestor::secondary {

// One ApplyOrder carried out on the worker that owns Kea and the store: intent, apply, history and
// position in one. A crash anywhere in it leaves the intent, from which the next start goes on.
class ApplyTask {
 public:
  // `label` names the change, for texts. `applier` and `store` must outlive it.
  ApplyTask(std::string relationship, std::string label, HoldPolicy hold, Applier& applier,
            store::FollowerStore& store);

  // Blocks as Applier::Apply() does. kUnknown where the store fails: nothing may be acknowledged.
  protocol::ApplyEnd Run(const protocol::ApplyOrder& order);
  // Whether Run() sent a config-set.
  bool sent() const { return sent_; }

 private:
  Target TargetOf(const protocol::ApplyOrder& order) const;
  // Makes `position` the durable intent.
  absl::Status Intend(const protocol::Position& position);
  // Makes durable what the apply came to.
  absl::Status Settle(const protocol::ApplyOrder& order, const protocol::ApplyEnd& end);

  std::string relationship_;
  std::string label_;
  HoldPolicy hold_;
  Applier& applier_;
  store::FollowerStore& store_;
  std::optional<protocol::Position> earlier_;  // the intent that this order's replaced
  bool sent_ = false;
};

// Makes durable that Kea's file holds `position`, unless another is the position by now.
absl::Status KeepPersisted(store::FollowerStore& store, const std::string& relationship,
                           const protocol::Position& position);

}  // namespace nestor::secondary
