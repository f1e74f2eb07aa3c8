#pragma once

#include <absl/status/statusor.h>

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/service.h"
#include "common/config/object_set.h"
#include "common/config/written.h"
#include "common/hook/apply.h"
#include "common/kea/kea_control.h"
#include "common/watch/watcher.h"

namespace nestor::primary {

// What an operator wants done with a file.
struct AmendmentOrder {
  std::string text;      // of the file, as Kea takes it; unused where `wanted` is
  bool merge = false;    // it holds only some objects: nothing is removed
  bool dry_run = false;  // say what would change, and change nothing
  std::string origin;    // of the change, for the history
  // Called before Kea is changed; an error stands in the way of that.
  std::function<absl::Status()> before_change;
  // In place of a file: from what runs to what is wanted, objects as Kea reports them; an error
  // stands in the way. On the worker.
  std::function<absl::StatusOr<config::ObjectSet>(const config::ObjectSet& running)> wanted;
};

// One object that differs between what Kea runs and the file.
struct Amended {
  config::ObjectId id;
  std::string before, after;  // canonical; empty: it is not there
};

// Brings the running configuration of a Kea to what a file says, by the hook library: one change,
// all of it or nothing. A file leaves out what Kea gives by default, so each object that is not
// written as it runs is first given to Kea to say what it would make of it, a few milliseconds at a
// time. Worker thread only.
class Amendment {
 public:
  // All that is referred to must outlive it. `server`: for texts.
  Amendment(DhcpService service, std::string server, kea::KeaControl& kea,
            watch::ChangeSource& source, Clock& clock, AmendmentOrder order);

  enum class Went {
    kOn,         // call again
    kReadAgain,  // the configuration changed meanwhile: read it, then begin with another Amendment
    kDone,
  };
  // Works for about a tenth of a second, longer with a large file. The configuration must have been
  // read from `source` before the first call.
  //
  // As before_change    Nothing has changed.
  // FailedPrecondition  The hook library is not loaded, or Kea refuses; nothing has changed.
  // InvalidArgument     The file is wrong; the text says where. Nothing has changed.
  // Unavailable         Kea does not answer; nothing has changed.
  // DeadlineExceeded, DataLoss  Kea may have made the change or not.
  absl::StatusOr<Went> Step();

  // For progress: how many objects were looked at, of how many.
  size_t looked_at() const { return next_; }
  size_t to_look_at() const { return unsure_.size(); }

  // Once it is done: what differs, and the members of the file that belong to the server and say
  // otherwise than what it runs, which are left alone. Empty: Kea runs what the file says.
  const std::vector<Amended>& amended() const { return amended_; }
  const std::vector<std::string>& left_alone() const { return left_alone_; }
  // Whether Kea was given a change, whatever came of it.
  bool gave() const { return gave_; }

 private:
  absl::Status Begin();
  absl::Status ReadFile();
  absl::Status Complete();
  void FindUnsure();
  void FindContext();
  config::ChangeSet WholeChange() const;
  absl::StatusOr<Went> Look();
  absl::StatusOr<Went> Finish();
  // What Kea would make of `upserted`, beside `context_`, taken into `wanted_`. False: it refuses.
  absl::StatusOr<bool> Ask(std::vector<config::ChangeSet::Upsert> upserted,
                           bool& changed_meanwhile);
  absl::Status RefusedBy(const hook::Applied& applied) const;
  void Compare(const config::ChangeSet& asked, const config::ChangeSet& after);

  const DhcpService service_;
  const std::string server_;
  kea::KeaControl& kea_;
  watch::ChangeSource& source_;
  Clock& clock_;
  AmendmentOrder order_;

  bool begun_ = false, looked_at_few_ = false, gave_ = false;
  std::string revision_;
  hook::Status library_;
  std::shared_ptr<const config::ObjectSet> running_;
  config::ObjectSet wanted_;
  // Objects that are written otherwise than they run, those of the kinds with few objects first.
  std::vector<config::ObjectId> few_, unsure_;
  size_t next_ = 0, at_once_ = 8;
  int refused_in_a_row_ = 0;
  std::set<config::ObjectId> unanswered_;  // of those, what Kea refuses to be asked about alone
  config::ChangeSet context_;  // what others inherit from or are parsed by, as it will be

  std::vector<Amended> amended_;
  std::vector<std::string> left_alone_;
};

}  // namespace nestor::primary
