#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "nestor/v1/envelope.pb.h"

namespace nestor::protocol {

// A publisher's stream, as far as joining it is concerned.
struct StreamView {
  struct Term {
    uint64_t term = 0;
    uint64_t first_sequence = 0;
  };
  std::string stream_id;
  uint64_t term = 0;
  std::vector<Term> terms;      // oldest first, the last is `term`
  uint64_t head = 0;            // published
  std::string head_digest;      // 32 bytes
  uint64_t lowest = 0;          // the oldest change that can be replayed
  uint64_t followed_since = 0;  // the term in which a follower was first welcomed; 0: none was
  uint64_t welcomed = 0;        // the term in which this process welcomed a follower
};

// What a publisher does about a Hello.
struct JoinDecision {
  enum class Kind {
    kWelcome,    // answer Welcome with `join`
    kRaiseTerm,  // this stream is new and its term too low: raise it to `term`, then decide again
    kFence,      // somebody else published more than this journal holds: stop
  };
  Kind kind = Kind::kWelcome;
  v1::Join join = v1::JOIN_UNSPECIFIED;
  uint64_t term = 0;
  std::string text;  // kFence: what was found and what to do
};

// Decides about a follower that holds `hello`'s position with `digest` (32 bytes or empty).
JoinDecision DecideJoin(const StreamView& stream, const v1::Hello& hello, std::string_view digest);

}  // namespace nestor::protocol
