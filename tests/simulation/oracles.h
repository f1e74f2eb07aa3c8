#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "nestor/v1/envelope.pb.h"
#include "tests/simulation/chronicle.h"
#include "tests/simulation/kea_host.h"
#include "tests/simulation/ledger.h"
#include "tests/simulation/liveness_oracle.h"
#include "tests/simulation/network.h"
#include "tests/simulation/store_tap.h"

namespace nestor::simulation {

inline constexpr std::string_view kPrimary = "kea-a", kSecondary = "kea-b";

// S5, S6, S8, S9 and L4: what a publisher may say, given what is in its journal.
class PublisherOracle {
 public:
  PublisherOracle(Chronicle& chronicle, Ledger& ledger) : chronicle_(chronicle), ledger_(ledger) {}

  void OnStream(const store::StreamStart& start);
  void OnTermRaised(uint64_t term);
  void OnJournaled(const store::JournaledChange& change);
  void OnUncertain(const store::JournaledChange& change) { uncertain_.push_back(change); }
  void OnPublished(const v1::Envelope& envelope, std::string_view payload);
  void OnSent(const v1::Envelope& envelope);
  // L4: what the secondary's agent says reached this one.
  void OnHeard(const v1::Envelope& envelope);

 private:
  void OnChange(const v1::Envelope& envelope, std::string_view payload);
  void OnHeartbeat(const v1::Envelope& envelope);

  Chronicle& chronicle_;
  Ledger& ledger_;
  std::string stream_;      // of the publisher that runs
  uint64_t term_ = 0;       // durable
  uint64_t announced_ = 0;  // the last sequence published, or found in the journal at the start
  std::vector<store::JournaledChange> uncertain_;  // those whose commit failed since the start
  bool fenced_ = false;                            // it was told, or said, that it has to stop
};

// S15: what nestorctl apply had the primary's Kea run stays; and its agent does nothing else to it.
class OrderOracle {
 public:
  OrderOracle(Chronicle& chronicle, Ledger& ledger) : chronicle_(chronicle), ledger_(ledger) {}

  // Somebody else says from now on what Kea is to run, or its agent may have forgotten.
  void Overruled();
  // An operator asked for a file to be applied; `file` is the digest of Kea's own. Returns the
  // order's number.
  uint64_t OnOrdered(const std::string& file);
  // It was answered that this is done. Whoever is overruled meanwhile is promised nothing.
  void OnDone(uint64_t order);

  void OnKeaSet(const std::string& running);
  void OnFileWritten(const std::string& digest);
  // At the end: Kea runs `running`.
  void Check(const std::string& running);

 private:
  Chronicle& chronicle_;
  Ledger& ledger_;
  uint64_t orders_ = 0;
  std::optional<uint64_t> open_;  // the last order that nobody overruled
  std::string running_;           // as the agent set it last
  std::optional<std::string> promised_;
};

// S1 to S4, S7, S11 and S14: what a follower may do to its Kea, keep and acknowledge.
class FollowerOracle {
 public:
  FollowerOracle(Chronicle& chronicle, const Ledger& ledger)
      : chronicle_(chronicle), ledger_(ledger) {}

  void OnKeaRead(const std::string& digest);
  void OnKeaSet(const std::string& wanted, const std::string& running, bool accepted);
  void OnKeaWrote(const std::string& digest);
  void OnFileWritten(const std::string& digest);
  void OnKeaChanged(const std::string& running, const std::string& file);

  void OnRemembered(const store::FollowerMemory& memory);
  void OnRecalled(const store::FollowerMemory& memory);
  void OnReceived(const std::vector<std::string>& changes);
  void OnApplied(const std::vector<uint64_t>& superseded);
  void OnSnapshotOffered(const std::string& stream, uint64_t label) {
    offered_[stream] = std::max(offered_[stream], label);
  }
  void OnSent(const v1::Envelope& envelope);

  // Whether it has applied anything yet.
  bool has_position() const { return position_.sequence > 0; }

  // Whether the secondary's Kea would answer clients; null: nobody looks.
  std::function<bool()> serves;

 private:
  void OnReached(const store::Position& position);
  void OnAck(const v1::Envelope& envelope);
  void CheckPersisted(const v1::Envelope& envelope);

  Chronicle& chronicle_;
  const Ledger& ledger_;

  // The secondary's Kea.
  std::string running_, file_;
  uint64_t had_ = 0;                // the newest generation it had
  uint64_t wrote_ = 0;              // the newest that its agent wrote into the file
  std::string read_, read_before_;  // what its agent read last, and before that
  bool rescue_ = false;             // the last config-set was refused
  bool disturbed_ = true;           // somebody else changed it since its agent did
  bool file_disturbed_ = true;

  // Its agent.
  store::Position position_;  // durable
  uint64_t highest_term_ = 0;
  std::map<std::string, uint64_t> acked_;  // applied, by stream
  store::Position acked_position_;
  std::vector<uint64_t> superseded_;         // by the position that is saved next
  std::set<uint64_t> overtaken_;             // superseded or refused, of the position's stream
  std::map<std::string, uint64_t> offered_;  // the newest label of a snapshot, by stream
  std::map<std::string, std::set<uint64_t>> received_;  // as changes of their own, by stream
};

// S17: what somebody sets on the secondary while the primary is away is kept before it is replaced,
// and what was kept comes into the primary's history.
class StandingOracle {
 public:
  explicit StandingOracle(Chronicle& chronicle) : chronicle_(chronicle) {}

  // The secondary's Kea was made to run this by hand, while the primary was away for long enough
  // for everybody to know.
  void Stood(const std::string& digest) { stood_ = digest; }
  void OnKept(const store::KeptChange& kept);
  void OnTold(const std::string& id);
  void OnKeaChanged(const std::string& running);
  void OnKeaSet(const std::string& running);
  // Kept, and not in the primary's history yet.
  bool all_told() const { return untold_.empty(); }

 private:
  Chronicle& chronicle_;
  std::string running_;
  std::optional<std::string> stood_;
  std::set<std::string> kept_;  // digests
  std::set<std::string> untold_, told_;
};

// Receives all that the world's taps see and hands it to the oracles. S13 too: what a stranger
// sends may not come to anything, so it is not distinguished here.
class Oracles final : public NetworkObserver, public StoreObserver, public KeaObserver {
 public:
  Oracles(Scheduler& scheduler, Chronicle& chronicle)
      : orders(chronicle, ledger),
        publisher(chronicle, ledger),
        follower(chronicle, ledger),
        standing(chronicle),
        liveness(scheduler, chronicle),
        chronicle_(chronicle) {}

  Ledger ledger;
  OrderOracle orders;
  PublisherOracle publisher;
  FollowerOracle follower;
  StandingOracle standing;
  LivenessOracle liveness;

  void OnPublished(std::string_view topic, std::string_view payload) override;
  void OnEventArrived(const Endpoint& endpoint, std::string_view topic,
                      std::string_view payload) override;
  void OnSentToPrimary(const Endpoint& endpoint, std::string_view payload) override;
  void OnArrivedAtPrimary(const Endpoint& endpoint, std::string_view payload) override;
  void OnSentByPrimary(const Endpoint& endpoint, std::string_view payload) override;
  void OnArrivedFromPrimary(const Endpoint& endpoint, std::string_view payload) override;

  void OnStream(std::string_view relationship, const store::StreamStart& start) override;
  void OnTermRaised(std::string_view relationship, uint64_t term) override;
  void OnJournaled(std::string_view relationship, const store::JournaledChange& change,
                   bool uncertain) override;
  void OnRemembered(std::string_view host, std::string_view relationship,
                    const store::FollowerMemory& memory) override;
  void OnRecalled(std::string_view host, std::string_view relationship,
                  const store::FollowerMemory& memory) override;
  void OnReceived(std::string_view host, std::string_view relationship,
                  const std::vector<std::string>& changes) override;
  void OnApplied(std::string_view host, std::string_view relationship, uint64_t sequence,
                 const std::vector<uint64_t>& superseded) override;
  void OnKept(std::string_view host, const store::KeptChange& kept) override;
  void OnKeptTold(std::string_view relationship, const v1::HistoryEntry& entry) override;
  void OnViolation(std::string_view oracle, std::string text) override;

  void OnKeaRead(std::string_view host, const std::string& digest) override;
  void OnKeaSet(std::string_view host, const std::string& wanted, const std::string& running,
                bool accepted) override;
  void OnKeaWrote(std::string_view host, const std::string& digest) override;
  void OnFileWritten(std::string_view host, const std::string& digest) override;
  void OnKeaChanged(std::string_view host, const std::string& running,
                    const std::string& file) override;

 private:
  Chronicle& chronicle_;
};

// The first bytes of a digest or stream id, for texts.
std::string Short(std::string_view bytes);

}  // namespace nestor::simulation
