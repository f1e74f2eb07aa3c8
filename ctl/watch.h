#pragma once

#include <absl/status/status.h>

#include <set>
#include <string>

#include "ctl/command_line.h"

namespace nestor::ctl {

// What `watch` asks for and shows: the agent lets a watcher go that does not read fast enough, so a
// silence is answered by asking again from behind the last change seen.
class WatchPlan {
 public:
  // Without kinds: all of them as JSON, all but heartbeats for people.
  WatchPlan(v1::WatchRequest asked, bool json);

  // What to ask for now. Heartbeats are always asked for: without them a silence would say nothing.
  v1::WatchRequest Request() const;

  // Notes an event. True: it is one to show.
  bool Take(const v1::WatchEvent& event);

  // For the end of a message when the agent goes away; may be empty.
  std::string HowToGoOn() const;

 private:
  v1::WatchRequest asked_;
  std::set<std::string> shown_;
};

// Prints events until SIGINT or SIGTERM, which ends it with 0, or until the agent goes away.
int RunWatch(const Invocation& invocation);

}  // namespace nestor::ctl
