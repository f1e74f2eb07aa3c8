#pragma once

#include <absl/time/time.h>

#include <string>

#include "nestor/v1/operator.pb.h"

namespace nestor::ctl {

// What the agents answer, for people. All end in a line break.

// `now` is what ages are reckoned from.
std::string StatusText(const v1::StatusReport& report, absl::Time now);
// What a file changes, object by object, and what came of it; while that goes on, how far it is.
std::string ApplyText(const v1::ApplyReport& report);
std::string DiffText(const v1::DiffReport& report);
// A table of entries; one entry that holds its objects is shown whole.
std::string HistoryText(const v1::HistoryReport& report);
std::string RelationshipsText(const v1::RelationshipList& list);
// One line.
std::string EventText(const v1::WatchEvent& event);

// "3 s", "5 min", "2 h", "4 d"; never below "0 s", since clocks of two hosts may differ.
std::string AgeText(absl::Duration age);
// ISO 8601 in UTC, to the second.
std::string TimeText(const google::protobuf::Timestamp& time);

}  // namespace nestor::ctl
