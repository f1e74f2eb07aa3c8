#include "common/protocol/judge.h"

#include <fmt/format.h>

namespace nestor::protocol {
namespace {

constexpr absl::Duration kLagNoticed = absl::Seconds(5);

bool IsNormal(std::string_view state) {
  return state.empty() || state == "hot-standby" || state == "load-balancing" ||
         state == "passive-backup";
}

bool LacksHa(const SideFacts& side, bool has_ha) {
  return has_ha && side.ha_known && side.ha_state.empty();
}

void JudgeSide(const SideFacts& side, bool heard, bool has_ha, std::vector<std::string>& reasons) {
  if (!side.known || !heard) return;
  if (!side.kea_reachable) {
    reasons.push_back(fmt::format("Kea on {} does not answer{}{}", side.server,
                                  side.error.empty() ? "" : ": ", side.error));
  } else if (LacksHa(side, has_ha)) {
    reasons.push_back(fmt::format("HA does not run on {}", side.server));
  } else if (!IsNormal(side.ha_state)) {
    reasons.push_back(fmt::format("HA on {} is in state {}", side.server, side.ha_state));
  }
}

// Whether the follower has stopped, which its own agent knows without the primary.
bool HasStopped(const PairFacts& facts, std::vector<std::string>& reasons) {
  if (facts.held_sequence != 0 && facts.follower_state != "PAUSED") {
    reasons.push_back(fmt::format(
        "change {} is held, since it removes a large part; decide with nestorctl approve or reject",
        facts.held_sequence));
  } else if (facts.follower_state == "PAUSED" || facts.follower_state == "REJECTED" ||
             facts.follower_state == "FENCED") {
    reasons.push_back(fmt::format("{} is {}: {}", facts.secondary.server, facts.follower_state,
                                  facts.last_error));
  } else {
    return false;
  }
  return true;
}

void JudgeMirror(const PairFacts& facts, std::vector<std::string>& reasons) {
  if (HasStopped(facts, reasons)) return;
  if (facts.follower_state == "INIT" || facts.follower_state == "CONNECT" ||
      facts.follower_state == "HELLO") {
    reasons.push_back(
        fmt::format("{} has not joined {} yet", facts.secondary.server, facts.primary.server));
  } else if (facts.follower_state == "STALE") {
    reasons.push_back(fmt::format("{} does not hear the events of {}", facts.secondary.server,
                                  facts.primary.server));
  } else if (facts.lag >= kLagNoticed) {
    reasons.push_back(fmt::format("{} is {:.0f} s behind{}{}", facts.secondary.server,
                                  absl::ToDoubleSeconds(facts.lag),
                                  facts.last_error.empty() ? "" : ": ", facts.last_error));
  } else if (facts.standing != 0) {
    // Said already.
  } else if (!facts.digest_equal && facts.lag == absl::ZeroDuration()) {
    reasons.push_back(facts.observe
                          ? fmt::format("the servers differ, and the relationship only observes")
                          : fmt::format("{} differs from {}{}{}", facts.secondary.server,
                                        facts.primary.server, facts.last_error.empty() ? "" : ": ",
                                        facts.last_error));
  } else if (!facts.last_error.empty()) {
    reasons.push_back(facts.last_error);
  }
}

void NoticeFile(const SideFacts& side, std::vector<std::string>& notices) {
  if (!side.file_notice.empty() && side.kea_reachable) notices.push_back(side.file_notice);
}

void WarnOfPools(const PairFacts& facts, std::vector<std::string>& warnings) {
  for (const std::string& pool : facts.unsplit_pools) {
    warnings.push_back(
        fmt::format("pool {} is for no server's clients, so both may offer the same addresses: "
                    "nestorctl relationship split-pools {}",
                    pool, facts.relationship));
  }
  if (facts.more_unsplit) {
    warnings.emplace_back("and more pools than are named here are for no server's clients");
  }
}

// Without the hook library HA begins anew with each change.
void NoticeHook(const SideFacts& side, std::vector<std::string>& notices) {
  if (side.has_hook || !side.kea_reachable || side.ha_state.empty()) return;
  notices.push_back(
      fmt::format("changes restart HA on {}: load libdhcp_nestor.so there", side.server));
}

}  // namespace

bool HaIsNormal(const SideFacts& side, bool has_ha) {
  return side.kea_reachable && !LacksHa(side, has_ha) && IsNormal(side.ha_state);
}

int StateNumber(std::string_view state) {
  if (state == "OK") return 0;
  return state == "IMPAIRED" ? 1 : 2;
}

std::string ViewState(const std::string& state) { return state == "OK" ? "NORMAL" : state; }

Judgement Judge(const PairFacts& facts) {
  Judgement judgement;
  std::vector<std::string>& reasons = judgement.reasons;
  const bool peer_heard = !facts.peer_silent;
  const bool primary_heard = peer_heard || facts.peer != facts.primary.server;
  const bool secondary_heard = peer_heard || facts.peer != facts.secondary.server;
  if (!peer_heard) {
    reasons.push_back(*facts.peer_silent == absl::InfiniteDuration()
                          ? fmt::format("the agent on {} has not connected yet", facts.peer)
                          : fmt::format("the agent on {} has been silent for {:.0f} s", facts.peer,
                                        absl::ToDoubleSeconds(*facts.peer_silent)));
  }
  if (facts.standing != 0) {
    reasons.push_back(fmt::format(
        "{} was changed in {} objects while {} was away; that stands until {} is back, "
        "and is kept in the history then: see nestorctl diff",
        facts.secondary.server, facts.standing, facts.primary.server, facts.primary.server));
  }
  if (!facts.publisher_text.empty()) reasons.push_back(facts.publisher_text);
  JudgeSide(facts.primary, primary_heard, facts.has_ha, reasons);
  JudgeSide(facts.secondary, secondary_heard, facts.has_ha, reasons);
  if (peer_heard && !facts.ha_drift.empty()) reasons.push_back(facts.ha_drift);
  if (peer_heard) {
    JudgeMirror(facts, reasons);
  } else if (secondary_heard) {
    (void)HasStopped(facts, reasons);
  }
  if (!facts.changing.empty()) reasons.push_back(facts.changing);
  WarnOfPools(facts, judgement.warnings);
  NoticeHook(facts.primary, judgement.notices);
  NoticeHook(facts.secondary, judgement.notices);
  NoticeFile(facts.primary, judgement.notices);
  NoticeFile(facts.secondary, judgement.notices);
  const bool primary_down = !primary_heard || !facts.primary.kea_reachable;
  const bool secondary_down = !secondary_heard || !facts.secondary.kea_reachable;
  // A Kea of which nothing is heard counts as one that does not answer.
  if (primary_down && secondary_down) {
    judgement.state = "DOWN";
  } else {
    judgement.state = reasons.empty() ? "OK" : "IMPAIRED";
  }
  return judgement;
}

}  // namespace nestor::protocol
