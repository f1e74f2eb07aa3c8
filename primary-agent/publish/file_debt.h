#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "common/base/clock.h"
#include "common/base/service.h"
#include "common/kea/kea_control.h"
#include "common/watch/lookout.h"
#include "primary-agent/publish/recorder.h"

namespace nestor::primary {

// What operators had this agent make Kea run, until Kea's own file holds it as well: durable in the
// journal, so that a Kea that starts from the older file meanwhile is given it again. Orders are
// numbered, rising. Worker thread only.
class FileDebt {
 public:
  // All referred to must outlive it. `server`: for texts.
  FileDebt(DhcpService service, std::string server, kea::KeaControl& kea,
           watch::ChangeSource& source, Clock& clock, std::shared_ptr<Recorder> recorder)
      : service_(service),
        server_(std::move(server)),
        kea_(kea),
        source_(source),
        clock_(clock),
        recorder_(std::move(recorder)) {}

  // The journal knows of one, from before this agent started: order 0.
  void Found() { owed_.insert(0); }
  // Kea is about to be given what `order` asks for. Errors as the journal's: Kea must not be.
  absl::Status Begin(uint64_t order);
  // It was not.
  void Drop(uint64_t order) { Pay({order}); }
  // Kea was seen to run what the file holds, with what the orders up to `order` asked for. False:
  // Kea is behind its file after all, or the journal cannot be written.
  bool Settle(uint64_t order);

  // What a look found, before it is recorded. Not empty: why it must not be, since Kea started from
  // an older file and is being given what it lacks. Errors as the journal's.
  absl::StatusOr<std::string> Look(const watch::Look& look);

 private:
  struct Behind {
    std::string digest;  // of what Kea has
    Instant since;
  };

  bool Pay(const std::set<uint64_t>& orders);
  absl::StatusOr<bool> StartedFromOlder(const watch::Look& look, std::string_view digest);
  absl::Status BringForward(const config::ObjectSet& from, const config::ObjectSet& to);

  const DhcpService service_;
  const std::string server_;
  kea::KeaControl& kea_;
  watch::ChangeSource& source_;
  Clock& clock_;
  const std::shared_ptr<Recorder> recorder_;
  std::set<uint64_t> owed_;
  std::optional<Behind> behind_;
};

}  // namespace nestor::primary
