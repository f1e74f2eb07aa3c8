#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "common/watch/lookout.h"
#include "primary-agent/publish/file_debt.h"
#include "primary-agent/publish/recorder.h"

namespace nestor::primary {

// Watches one local Kea and has each change of its configuration recorded. The asking, reading and
// recording are one task on the service's worker, so a change is durable before the protocol thread
// hears of it. Protocol thread only.
class ServiceWatch {
 public:
  struct Look : watch::Look {
    std::vector<Recorded> recorded;  // also where used_status says that the journal then failed
    // Not empty: why it was not recorded, since Kea started from an older file and is brought
    // forward.
    std::string behind;
    // In load-balancing, of a configuration that was read: the first of the pools that are for both
    // servers' clients, and whether any is for one's.
    std::vector<std::string> unsplit;
    bool split = false;
  };
  static constexpr size_t kMostUnsplit = 5;
  using OnLook = std::function<void(Look)>;

  // Everything referred to must outlive it. `hint` may be null.
  ServiceWatch(DhcpService service, watch::ChangeSource& source, watch::Hint* hint,
               Executor& worker, Executor& loop, Clock& clock, std::shared_ptr<Recorder> recorder,
               std::shared_ptr<FileDebt> debt, OnLook on_look);

  void Tick() { lookout_->Tick(); }
  // As watch::Lookout::ReadAgain().
  void ReadAgain(std::function<void(absl::Status)> done) { lookout_->ReadAgain(std::move(done)); }

  // Kea's file holds what the orders up to `order` asked for. `done` hears whether Kea was seen to
  // run it as well, and the debt is settled.
  void Settle(uint64_t order, std::function<void(bool)> done);

  Recorder& recorder() { return *recorder_; }
  const std::shared_ptr<FileDebt>& debt() { return debt_; }
  Executor& worker() { return worker_; }

 private:
  Executor& worker_;
  Executor& loop_;
  // Shared with tasks on the worker.
  std::shared_ptr<Recorder> recorder_;
  std::shared_ptr<FileDebt> debt_;
  std::shared_ptr<watch::Lookout> lookout_;
};

}  // namespace nestor::primary
