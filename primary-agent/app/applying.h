#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/config/restoration.h"
#include "primary-agent/app/core.h"

namespace nestor::primary {

// A file, or an entry of the history, that is being given to the primary's Kea.
struct PrimaryApp::Core::Applying {
  Request request;
  std::string name;
  DhcpService service;
  AmendmentOrder order;
  bool wait = false;    // until the secondary has verified it
  uint64_t number = 0;  // of the order, for what is owed to Kea's file
  // Shared with the task on the worker.
  std::shared_ptr<Amendment> amendment;
  // Of an entry: what the primary has changed itself since. Written on the worker.
  std::shared_ptr<std::vector<config::Restoration::Conflict>> conflicts;
  v1::HistoryEntry entry;  // which; without an id: a file
  int readings = 0;
  bool working = true;
  Instant next_progress;
  v1::ApplyReport report;
};

}  // namespace nestor::primary
