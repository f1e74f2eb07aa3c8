#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/store/journal.h"

namespace nestor::simulation {

// What is true: which configurations the primary's Kea ran, in which order, and what its journal
// said about them. The oracles compare with it what the agents say and do.
class Ledger {
 public:
  // A change as it was journaled.
  struct Entry {
    uint64_t term = 0;
    std::string digest_before, digest_after;
    std::string envelope;
    uint64_t journal = 0;  // which life of the journal: another after an old copy was restored
  };

  // The primary's Kea runs `digest` from now on: the next generation.
  void Ran(const std::string& digest);
  // The first generation, from `least` on, in which it ran `digest`.
  std::optional<uint64_t> Generation(const std::string& digest, uint64_t least = 0) const;
  bool EverRan(const std::string& digest) const { return generations_.contains(digest); }

  // The primary's journal is another one, or an older copy.
  void ReplaceJournal() {
    ++journal_;
    journaled_.clear();
  }
  // False: the same number meant something else before.
  bool Journal(const std::string& stream, uint64_t sequence, Entry entry);
  // What `sequence` meant, oldest meaning first.
  const std::vector<Entry>& Meanings(const std::string& stream, uint64_t sequence) const;
  // The least generation of what `sequence` meant; 0: nothing.
  uint64_t GenerationOf(const std::string& stream, uint64_t sequence) const;
  // Whether some change led to `digest`, in this life of the journal.
  bool Journaled(const std::string& digest) const { return journaled_.contains(digest); }
  // The last sequence journaled in this life of the journal, 0: none.
  uint64_t head(const std::string& stream) const;

 private:
  uint64_t generation_ = 0;
  std::string running_;
  std::map<std::string, std::vector<uint64_t>> generations_;  // by digest, rising
  std::map<std::pair<std::string, uint64_t>, std::vector<Entry>> entries_;
  std::map<std::string, uint64_t> heads_;
  std::set<std::string> journaled_;  // digests
  uint64_t journal_ = 0;
};

}  // namespace nestor::simulation
