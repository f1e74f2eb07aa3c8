// What is changed on this server while the primary is away: it stands until the primary is back,
// and is kept before the primary's configuration is put in its place.

#include "common/base/status.h"
#include "common/protocol/envelope.h"
#include "common/protocol/follower.h"

namespace nestor::protocol {
namespace {

// A primary that is back sooner was not away, as far as people are told.
constexpr absl::Duration kAwayAfter = absl::Milliseconds(3200);
// A change that is found so soon after the primary is back, or after Kea can be read again, was
// perhaps made before.
constexpr absl::Duration kDoubt = absl::Seconds(5);
constexpr std::string_view kRestart = "restart";  // of Kea, as watch::kRestart

}  // namespace

void Follower::Recall(StandingMemory memory) {
  if (memory.base && config::Bytes(memory.base->Digest()) == position_.digest) {
    base_ = std::move(memory.base);
    saved_base_ = position_.digest;
  }
  if (memory.id.empty()) return;
  standing_ = {std::move(memory.id), std::move(memory.digest), /*open=*/true, /*durable=*/true};
  stands_ = true;
}

// Tells people that the primary went away or is back.
void Follower::NoteAway(Instant now) {
  if (position_.sequence == 0) return;
  const bool here = PrimaryHere();
  if (!here || (!reachable_ && now < doubt_until_)) doubt_until_ = now + kDoubt;
  const bool fenced = link_ == LinkState::kFenced;  // by one that is heard
  if (here || fenced) gone_at_.reset();
  if (fenced) return;
  if (!here && !gone_at_) gone_at_ = now;
  const bool away = !here && now - *gone_at_ >= kAwayAfter;
  if (away == away_told_ || (!away && !here)) return;
  away_told_ = away;
  v1::State state;
  state.set_what("primary");
  state.set_from(away ? "here" : "away");
  state.set_to(away ? "away" : "here");
  state.set_server(options_.primary);
  if (!away) {
    state.set_reason(fmt::format("{} is back; its configuration counts", options_.primary));
  } else {
    state.set_reason(fmt::format(
        "{} of {} does not answer; what is changed on {} stands until it does, and is kept then",
        Joined() ? "Kea" : "the agent", options_.primary, options_.server));
  }
  actions_.push_back(Announce{std::move(state)});
  // What is changed while this agent, too, does not run can be told only by this.
  if (away && base_ && !options_.observe && saved_base_ != position_.digest) {
    saved_base_ = position_.digest;
    actions_.push_back(SaveBase{base_});
  }
}

// Whether Kea has something that the primary neither has nor is on the way to.
bool Follower::Drifted() const {
  if (position_.sequence == 0 || !known_) return false;
  const std::string local = local_digest();
  return local != position_.digest && !OnTheWay(local);
}

bool Follower::HasDrift() const {
  if (options_.observe) {
    return known_ && !head_digest_.empty() && local_digest() != head_digest_;
  }
  return Drifted() && !stands_;
}

// Whether what is found here now may have been changed while the primary was away.
bool Follower::InDoubt(Instant now) const { return !PrimaryHere() || now < doubt_until_; }

// The local Kea was read, and `known_` is what it has; before that it had the digest `before`,
// empty if it was not read yet.
void Follower::NoteStanding(std::string_view origin, std::string_view before, Instant now) {
  if (options_.observe) return;
  const std::string local = local_digest();
  if (before != local) {
    standing_origin_ = std::string(origin);
    const bool undone = local == position_.digest;
    // A Kea that started anew, as it may have while this agent was down, has forgotten what was not
    // in its file, which nobody asked for.
    const bool anew = origin == kRestart || (before.empty() && undone);
    if (!standing_.id.empty() && anew && local != standing_.digest) {
      standing_.closing = true;
    } else if (!standing_.id.empty() && undone) {
      ForgetStanding();
    }
    // What was not in Kea's file yet is missing, and nobody changed anything.
    const bool old_file = origin == kRestart && !persisted_;
    if (undone || old_file) EndStanding();
    from_old_file_ = old_file;
  }
  if (!open_ && Drifted() && InDoubt(now) && !from_old_file_) stands_ = true;
}

// True: what Kea has stands, or is being kept, and nothing is to be put in its place yet.
bool Follower::Stands(Instant now) {
  if (options_.observe) return false;
  if (standing_.closing) {
    (void)KeepStanding(nullptr, nullptr, /*open=*/false, now);
    return true;
  }
  const bool drifted = Drifted();
  // Also what only an order found: Kea may have been out of reach all the while.
  if (drifted && InDoubt(now) && !from_old_file_) stands_ = true;
  // What it comes back with may be on its way. A person who resyncs says that what it had last
  // counts.
  const bool told = link_ == LinkState::kFollow || !stands_;
  const bool returned = (PrimaryHere() && told) || (resync_ && Joined());
  if (!returned) {
    if (!drifted || from_old_file_) return false;
    if (kept_digest_ != local_digest()) (void)KeepStanding(base_, known_, /*open=*/true, now);
    return true;
  }
  if (keeping_ != 0) return true;
  if (!stands_ && standing_.id.empty()) return false;
  if (drifted && kept_digest_ == local_digest()) return false;
  // The primary has the same by now.
  if (!drifted && position_.sequence != 0) {
    ForgetStanding();
    EndStanding();
    return false;
  }
  const auto before = base_ || !whole_ ? base_ : whole_->set;
  if (drifted && before) return KeepStanding(before, known_, /*open=*/false, now);
  if (!standing_.id.empty()) return KeepStanding(nullptr, nullptr, /*open=*/false, now);
  // Only the primary's tree can tell what it is a change of: see EndRepairWalk().
  return false;
}

// Nothing of what is kept and may change is missing from what Kea has or is about to have.
void Follower::ForgetStanding() {
  if (standing_.id.empty()) return;
  Keep forgotten;
  forgotten.id = standing_.id;
  forgotten.before = forgotten.after = known_;
  actions_.push_back(std::move(forgotten));
  standing_ = {};
  keeping_ = 0;
}

// Has `after` kept as a change of `before`; both null: as it was kept last. False: there is nothing
// that could be kept.
bool Follower::KeepStanding(const std::shared_ptr<const config::ObjectSet>& before,
                            const std::shared_ptr<const config::ObjectSet>& after, bool open,
                            Instant now) {
  if (!before && after) return false;
  const std::string digest = after ? std::string(config::Bytes(after->Digest())) : standing_.digest;
  const bool kept = standing_.durable && standing_.digest == digest && standing_.open == open;
  if (keeping_ != 0 || kept || now < keep_at_) return true;
  if (open && saved_base_ != position_.digest) {
    saved_base_ = position_.digest;
    actions_.push_back(SaveBase{before});
  }
  if (standing_.id.empty()) standing_.id = NewKeptId();
  standing_.digest = digest;
  standing_.open = open;
  standing_.durable = false;
  if (after) standing_objects_ = config::Diff(*before, *after).size();
  keeping_ = next_token_++;
  actions_.push_back(
      Keep{keeping_, standing_.id, open, before, after, standing_origin_, StandingText()});
  return true;
}

// What somebody had set when it was overwritten.
void Follower::KeepAside(const std::shared_ptr<const config::ObjectSet>& overwritten) {
  actions_.push_back(
      Keep{0, NewKeptId(), false, base_, overwritten, standing_origin_, StandingText()});
}

FollowerActions Follower::OnKept(uint64_t token, bool kept, Instant now) {
  if (token == 0 || token != keeping_) return Take();
  keeping_ = 0;
  standing_.durable = kept;
  if (!kept) {
    keep_at_ = now + keep_backoff_.Next(options_.jitter);
  } else {
    keep_backoff_.Reset();
    if (!standing_.open) {
      kept_digest_ = standing_.digest;
      standing_ = {};
    }
  }
  MaybeApply(now);
  return Take();
}

// Kea has what the primary has, or started anew.
void Follower::EndStanding() {
  stands_ = false;
  from_old_file_ = false;
  standing_objects_ = 0;
  kept_digest_.clear();
}

std::string Follower::NewKeptId() { return fmt::format("{}-{}", kept_prefix_, next_kept_++); }

std::string Follower::StandingText() const {
  return fmt::format("changed on {} while {} was away, after change {}", options_.server,
                     options_.primary, ChangeName(position_.term, position_.sequence));
}

}  // namespace nestor::protocol
