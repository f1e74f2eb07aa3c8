#include "ctl/transaction_text.h"

#include <absl/time/clock.h>
#include <fmt/format.h>

#include <map>
#include <string_view>
#include <vector>

#include "ctl/people_text.h"
#include "ctl/table.h"

namespace nestor::ctl {
namespace {

std::string CheckText(const v1::Check& check) {
  const std::string_view verdict = check.verdict() == v1::Check::PASSED   ? "passed"
                                   : check.verdict() == v1::Check::WARNED ? "WARNED"
                                                                          : "FAILED";
  const std::string about =
      check.server().empty() ? check.what() : fmt::format("{}, {}", check.what(), check.server());
  return fmt::format("{}  {:<28}  {}\n", verdict, about, OneLine(check.text()));
}

std::string Indented(std::string_view text) {
  std::string indented;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    indented += fmt::format("    {}\n", text.substr(at, end - at));
    at = end + 1;
  }
  return indented;
}

std::string PlanText(const v1::SitePlan& plan) {
  const v1::Tested& tested = plan.tested();
  std::string text = fmt::format("\n{}: {} objects added, {} replaced, {} removed\n", plan.server(),
                                 tested.added(), tested.replaced(), tested.removed());
  text += tested.ha().empty() ? "  without the HA hook\n"
                              : fmt::format("  HA hook, with\n{}", Indented(tested.ha()));
  if (!tested.multi_threading().empty()) {
    text += fmt::format("  multi-threading becomes {}\n", tested.multi_threading());
  }
  for (const v1::DraftChange& change : tested.changes()) {
    const char sign = change.before().empty() ? '+' : change.after().empty() ? '-' : '~';
    text += fmt::format("  {} {} {}\n", sign, change.kind(), change.key());
    if (!change.before().empty()) text += fmt::format("      before  {}\n", change.before());
    if (!change.after().empty()) text += fmt::format("      after   {}\n", change.after());
  }
  return text;
}

}  // namespace

std::string TransactionTeller::Tell(const v1::TransactionReport& report, bool last) {
  std::string text;
  for (; checks_ < report.checks_size(); ++checks_) text += CheckText(report.checks(checks_));
  const bool news = !report.step().empty() && report.step() != step_;
  if (news && !last) text += fmt::format("        {} ...\n", report.step());
  step_ = report.step();
  if (!last) return text;
  if (report.state() == "CHECKED") {
    for (const v1::SitePlan& plan : report.sites()) text += PlanText(plan);
    text += "\nNothing was changed.\n";
  } else if (report.state() == "DONE" && !report.without().empty()) {
    text += fmt::format("Done, without {}: the mirroring has ended.\n", report.without());
  } else if (report.state() == "DONE") {
    text += "Done: both servers have it, in what they run and in their files.\n";
  }
  return text;
}

std::string HaEffect(const v1::HaRequest& ha) {
  static const std::map<std::string_view, std::string_view> effects = {
      {"sync",
       "It fetches all leases from its partner, which gives out none while that goes on: a second "
       "for some ten thousand leases."},
      {"maintenance-start",
       "Its partner takes over all clients, and it answers none until it is shut down or the "
       "maintenance is cancelled."},
      {"maintenance-cancel", "Both serve their own clients again."},
      {"continue", "A state machine that waits for an operator goes on; nothing else happens."},
      {"reset",
       "Its HA begins anew: it answers no client until it has heard its partner and fetched what "
       "it "
       "missed, one heartbeat-delay or more."},
  };
  const auto effect = effects.find(ha.action());
  return effect == effects.end() ? std::string() : std::string(effect->second);
}

std::string ServersText(const v1::ServerList& list) {
  Table table({"SERVER", "ROLE", "AGENT", "KEA", "CONNECTED SINCE", "HEARD"});
  for (const v1::ServerView& server : list.servers()) {
    std::vector<std::string> keas;
    for (const v1::KeaView& kea : server.keas()) {
      keas.push_back(fmt::format("{} {}", kea.service(),
                                 kea.version().empty() ? "does not answer" : kea.version()));
    }
    table.Add({server.server(), server.role(), server.agent_version(),
               fmt::format("{}", fmt::join(keas, ", ")),
               server.has_since() ? TimeText(server.since()) : "",
               server.has_heard()
                   ? AgeText(absl::Now() - absl::FromUnixSeconds(server.heard().seconds()))
                   : ""});
  }
  return table.Text();
}

}  // namespace nestor::ctl
