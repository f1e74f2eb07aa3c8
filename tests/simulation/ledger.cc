#include "tests/simulation/ledger.h"

#include <algorithm>

namespace nestor::simulation {

void Ledger::Ran(const std::string& digest) {
  if (digest == running_) return;
  running_ = digest;
  generations_[digest].push_back(++generation_);
}

std::optional<uint64_t> Ledger::Generation(const std::string& digest, uint64_t least) const {
  const auto found = generations_.find(digest);
  if (found == generations_.end()) return std::nullopt;
  const auto at = std::lower_bound(found->second.begin(), found->second.end(), least);
  if (at == found->second.end()) return std::nullopt;
  return *at;
}

bool Ledger::Journal(const std::string& stream, uint64_t sequence, Entry entry) {
  auto& meanings = entries_[{stream, sequence}];
  entry.journal = journal_;
  const bool clash = std::any_of(meanings.begin(), meanings.end(), [&](const Entry& other) {
    return other.journal == entry.journal && other.term == entry.term &&
           other.envelope != entry.envelope;
  });
  heads_[stream] = sequence;
  journaled_.insert(entry.digest_after);
  meanings.push_back(std::move(entry));
  return !clash;
}

const std::vector<Ledger::Entry>& Ledger::Meanings(const std::string& stream,
                                                   uint64_t sequence) const {
  static const std::vector<Entry> kNone;
  const auto found = entries_.find({stream, sequence});
  return found == entries_.end() ? kNone : found->second;
}

uint64_t Ledger::GenerationOf(const std::string& stream, uint64_t sequence) const {
  uint64_t least = 0;
  for (const Entry& entry : Meanings(stream, sequence)) {
    const auto generation = Generation(entry.digest_after);
    if (generation && (least == 0 || *generation < least)) least = *generation;
  }
  return least;
}

uint64_t Ledger::head(const std::string& stream) const {
  const auto found = heads_.find(stream);
  return found == heads_.end() ? 0 : found->second;
}

}  // namespace nestor::simulation
