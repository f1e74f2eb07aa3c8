#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "common/config/object_set.h"

namespace nestor::protocol {

// A place in a stream, and the configuration's digest there.
struct Position {
  std::string stream_id;  // empty: none yet
  uint64_t term = 0;
  uint64_t sequence = 0;
  std::string digest;  // 32 bytes
};

// What the secondary remembers of one relationship.
struct FollowerMemory {
  Position position;               // applied and verified
  bool persisted = false;          // Kea's file holds it too
  uint64_t highest_term = 0;       // ever witnessed in a Welcome
  std::string witnessed_stream;    // whose Welcome that was
  std::optional<Position> intent;  // an apply that was begun and not recorded as ended
  uint64_t approved_sequence = 0;  // the held change a person approved, 0 none
  bool paused = false;             // a person rejected a held change
  std::string refused_digest;      // the target last refused, not to be tried again by itself
  std::string refused_nack;        // the v1::Nack about it, serialised
};

// What the secondary remembers of what was changed there while the primary was away.
struct StandingMemory {
  std::shared_ptr<const config::ObjectSet> base;  // the position's configuration, where it is kept
  std::string id;                                 // of what is kept and may change; empty: nothing
  std::string digest;                             // of the configuration with it
};

}  // namespace nestor::protocol
