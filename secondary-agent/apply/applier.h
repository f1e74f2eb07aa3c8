#pragma once

#include <absl/status/statusor.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/service.h"
#include "common/config/object_set.h"
#include "common/hook/apply.h"
#include "common/kea/kea_control.h"
#include "common/watch/watcher.h"
#include "secondary-agent/plan/plan.h"

namespace nestor::secondary {

// What the local Kea is to become.
struct Target {
  std::string label;  // "change 7/1042", for texts
  // Exactly one of the two: changes to what Kea has, in order; or the whole.
  std::vector<config::ChangeSet> changes;
  std::shared_ptr<const config::ObjectSet> whole;
  config::Sha256 digest_before{};  // with `changes`: what Kea must report before
  bool only_from_before = false;   // also with `whole`
  config::Sha256 digest_after{};   // what it must report in the end
  bool removal_approved = false;   // a person approved; HoldPolicy does not apply
};

enum class Outcome {
  kApplied,         // Kea reports digest_after
  kUnchanged,       // it did already; nothing was sent
  kDiffersBefore,   // Kea reports neither digest_before nor digest_after; nothing was sent
  kHeld,            // it removes too much; nothing was sent
  kRefused,         // Kea refused; the last good configuration serves
  kServiceBroken,   // Kea refused, or was silent, and is not healthy with the last good one either
  kDigestMismatch,  // Kea accepted but reports something else; or the target contradicts itself,
                    // and nothing was sent
  kUnreachable,     // Kea does not answer; nothing was sent
  kUnknown,         // Kea fell silent in the middle, and does not have the change or cannot be read
};

struct ApplyResult {
  Outcome outcome = Outcome::kUnreachable;
  bool sent = false;               // the target was sent
  ApplyBy by = ApplyBy::kNothing;  // how
  int kea_result = 0;
  std::string kea_text;
  config::ObjectId object;  // what was refused, key empty where it is not known
  std::string text;  // for people, as STYLE: what, by whom, what state that leaves, what next
  // What Kea reports now, where it could be read; the set is shared with nobody who writes.
  std::shared_ptr<const config::ObjectSet> actual;
  // What Kea had right after a config-set where that was not what was set, and it was set once
  // more; otherwise null.
  std::shared_ptr<const config::ObjectSet> between;
  // kHeld: what would be removed.
  size_t subnets_removed = 0, reservations_removed = 0;
};

// Brings one Kea to a Target by the least disruptive way. By the hook library: plan against what
// Kea was last known to have, which nestor-apply is held to, or else against what is read; compare
// what it answers. Where that cannot be: read, plan, config-test, config-set, read back; after a
// failed config-set the last good configuration is put back at once and the service's health is
// checked. Kea's file is left alone. Worker thread only.
class Applier {
 public:
  // `kea`, `source` and `clock` must outlive it. `server` is this server's name, for texts.
  Applier(DhcpService service, std::string server, kea::KeaControl& kea,
          watch::ChangeSource& source, Clock& clock);

  // An earlier process may have sent a config-set that leads to `digest`, and died before it knew
  // what came of it. Where Kea does not report that, it may have refused, and serves no DHCP.
  void Suspect(const config::Sha256& digest) { unsure_ = digest; }

  // Blocks, for a hanging Kea up to about three minutes. `before_first_write` runs right before the
  // first command that changes Kea; if it fails nothing is sent and the outcome is kUnreachable
  // with its text.
  ApplyResult Apply(const Target& target, const HoldPolicy& hold,
                    const std::function<absl::Status()>& before_first_write);

 private:
  struct Job;

  // Each a step; false: the job has ended.
  bool Run(Job& job);
  bool ReadBefore(Job& job);
  std::optional<watch::Running> AsLastKnown(const Job& job) const;
  bool Prepare(Job& job);
  bool Plan(Job& job);
  bool Intend(Job& job);
  bool Test(Job& job);
  void Set(Job& job);
  bool Change(Job& job);
  bool TakeAnswer(Job& job, const hook::Applied& applied);
  void ReadOtherwise(Job& job, std::string_view revision);
  bool Compose(Job& job);
  void Verify(Job& job);
  void Repeat(Job& job);
  void Mismatch(Job& job);
  // The job ended without a config-set: sets again what Kea runs, if it may be broken.
  void Revive(Job& job);

  // After a refused config-set Kea 2.2 answers commands but no DHCP, until a good configuration is
  // set: so the last good one is, before anything else.
  void PutBack(Job& job, const kea::Answer& refusal);
  // config-set was sent and not answered: what Kea has decides.
  void Find(Job& job, const absl::Status& lost);
  // What is wrong with Kea after the last good configuration was set again, or empty.
  std::string SetLastGood(const Job& job);
  std::optional<config::ObjectId> Blame(const Job& job, std::string_view command,
                                        const kea::Answer& answer) const;
  // Kea's refusal of `command` as the result, with the object it is about.
  void Refused(Job& job, std::string_view command, const kea::Answer& answer,
               std::string_view state_left);
  std::string StillServes(std::string_view because) const;
  std::string MayBeBroken(std::string_view trouble) const;

  // Reads what Kea reports now into the result, waiting for a Kea that is away. The result's
  // `actual` is null where that fails.
  absl::Status ReadBack(Job& job);
  absl::StatusOr<watch::Running> ReadPatiently(ApplyBy after);

  DhcpService service_;
  std::string server_;
  kea::KeaControl& kea_;
  watch::ChangeSource& source_;
  Clock& clock_;
  std::optional<config::Sha256> unsure_;  // what a config-set leads to of which no end is known
};

}  // namespace nestor::secondary
