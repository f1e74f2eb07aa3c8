#pragma once

#include <string>

#include "nestor/v1/operator.pb.h"

namespace nestor::ctl {

// Tells people of a change of both servers while it goes on: each report holds all there is so far,
// of which only what is new is told.
class TransactionTeller {
 public:
  // What `report` has that the last one had not; `last`: nothing follows. Ends in a line break, or
  // is empty.
  std::string Tell(const v1::TransactionReport& report, bool last);

 private:
  int checks_ = 0;
  std::string step_;
};

// What an action of HA does to DHCP.
std::string HaEffect(const v1::HaRequest& ha);

// A table of the agents that are known.
std::string ServersText(const v1::ServerList& list);

}  // namespace nestor::ctl
