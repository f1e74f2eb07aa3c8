#pragma once

#include <string>
#include <vector>

#include "nestor/v1/operator.pb.h"

namespace nestor::operators {

// What an agent does, in one line for `systemctl status`: "serving east/dhcp4 at 7/1042, lag 0".
// The lag is in whole seconds; a relationship that is not OK has its state behind it. Of many
// relationships the first are named, those that are not OK before the others.
//
// Of the primary, at the newest change:
std::string ServingLine(const std::vector<v1::RelationshipStatus>& statuses);
// of the secondary, at the newest that its Kea runs:
std::string FollowingLine(const std::vector<v1::RelationshipStatus>& statuses);

}  // namespace nestor::operators
