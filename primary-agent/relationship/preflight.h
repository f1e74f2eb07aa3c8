#pragma once

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <optional>
#include <string>
#include <vector>

#include "common/base/service.h"
#include "nestor/v1/envelope.pb.h"

namespace nestor::primary {

// What is known of one server when a relationship is to be created or edited.
struct SiteKnown {
  v1::SiteFacts facts;
  absl::Duration clock_ahead;  // of the coordinator's
  std::string no_answer;       // why its agent did not answer; empty: it did
};

// What a relationship is to be.
struct Wish {
  v1::TransactionRecord::Kind kind = v1::TransactionRecord::CREATE;
  DhcpService service = DhcpService::kDhcp4;
  v1::RelationshipSpec spec;  // as it will be; its HA's URLs filled in
  bool splits = false;        // pools are split by it
  // A REMOVE of which the secondary, gone for good, hears when it returns.
  bool without_secondary = false;
  bool secondary_answers = false;  // its agent is connected and says that its Kea answers
};

// The checks of what both servers said of themselves, in the order in which people read them. One
// that is FAILED stands in the way; each says what was found and, unless it passed, what to do.
std::vector<v1::Check> Preflight(const Wish& wish, const SiteKnown& primary,
                                 const SiteKnown& secondary);

// Of whether `server` could listen at its HA address, and of whether `from` reached it there.
v1::Check ListenCheck(const std::string& server, const std::string& url, const absl::Status& went);
v1::Check ReachCheck(const std::string& server, const std::string& url, const std::string& from,
                     const absl::Status& went);

// What Kea said to the configuration, and what would be replaced.
v1::Check TestCheck(const std::string& server, std::string_view kea_version,
                    const absl::Status& went, const v1::Tested& tested, bool is_secondary);

// Of a removal without the secondary: what is left there, for people.
std::string WhatStays(const v1::RelationshipSpec& spec);

bool Failed(const v1::Check& check);

}  // namespace nestor::primary
