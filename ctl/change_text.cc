// Changes, differences and events for people.

#include <fmt/format.h>

#include <string_view>

#include "ctl/json_text.h"
#include "ctl/people_text.h"
#include "ctl/table.h"

namespace nestor::ctl {
namespace {

constexpr int kObjectsNamed = 3;  // of a change, in the line of its event

// "subnet 12" for the objects of both sorts, as many as are named in a line.
std::string NamesOf(const v1::Change& change) {
  std::string names;
  int named = 0;
  const auto name = [&](char sign, const std::string& kind, const std::string& key) {
    if (++named <= kObjectsNamed) {
      names += fmt::format("{}{}{} {}", names.empty() ? "" : ", ", sign, kind, key);
    }
  };
  for (const v1::Object& object : change.upserted()) name('+', object.kind(), object.key());
  for (const v1::ObjectId& object : change.removed()) name('-', object.kind(), object.key());
  if (named > kObjectsNamed) names += fmt::format(" and {} more", named - kObjectsNamed);
  if (change.snapshot_reference()) {
    names = fmt::format("{} objects, too many for an event", change.objects_changed());
  }
  return names;
}

std::string AckText(const v1::AckEvent& event) {
  if (event.has_nack()) {
    return fmt::format("{} refused it: {}", event.server(), event.nack().text());
  }
  const v1::Ack& ack = event.ack();
  return fmt::format("{} received {}, applied {}, persisted {}", event.server(), ack.received(),
                     ack.applied(), ack.persisted());
}

std::string StateText(const v1::State& state) {
  std::string text = fmt::format("{} on {}", state.what(), state.server());
  if (!state.from().empty()) text += fmt::format(" from {}", state.from());
  if (!state.to().empty()) text += fmt::format(" to {}", state.to());
  if (!state.reason().empty()) text += fmt::format(": {}", state.reason());
  return text;
}

// "committed 192.0.2.7 of 00:0c:01:02:03:04 (pc7) in subnet 1 until 2026-11-23T23:24:50Z"
std::string LeaseText(const v1::Lease& lease) {
  std::string text = fmt::format("{} {}", lease.happened(), lease.address());
  if (lease.prefix_length() != 0) text += fmt::format("/{}", lease.prefix_length());
  if (!lease.identifier().empty()) text += fmt::format(" of {}", lease.identifier());
  if (!lease.hostname().empty()) text += fmt::format(" ({})", lease.hostname());
  text += fmt::format(" in subnet {}", lease.subnet_id());
  const bool runs = lease.happened() == "committed" || lease.happened() == "renewed" ||
                    lease.happened() == "rebound";
  if (runs && !lease.has_expires()) text += " for ever";
  if (runs && lease.has_expires()) text += fmt::format(" until {}", TimeText(lease.expires()));
  if (lease.state() != "default") text += fmt::format(", {}", lease.state());
  return text;
}

std::string BodyText(const v1::Envelope& envelope) {
  switch (envelope.body_case()) {
    case v1::Envelope::kChange:
      return fmt::format("by {}: {}", envelope.change().origin(), NamesOf(envelope.change()));
    case v1::Envelope::kAckEvent:
      return AckText(envelope.ack_event());
    case v1::Envelope::kState:
      return StateText(envelope.state());
    case v1::Envelope::kHeartbeat:
      return fmt::format("{}, replays from {}",
                         v1::PublisherState_Name(envelope.heartbeat().publisher_state()),
                         envelope.heartbeat().lowest_sequence());
    case v1::Envelope::kLease:
      return LeaseText(envelope.lease());
    default:
      return "an event that this nestorctl does not know";
  }
}

void AppendObjects(std::string_view title,
                   const google::protobuf::RepeatedPtrField<v1::Object>& objects,
                   std::string& text) {
  if (objects.empty()) return;
  text += fmt::format("{}:\n", title);
  for (const v1::Object& object : objects) {
    text += fmt::format("  {} {}\n    {}\n", object.kind(), object.key(), object.object());
  }
}

bool HasObjects(const v1::HistoryEntry& entry) {
  return !entry.upserted().empty() || !entry.removed().empty() || !entry.replaced().empty();
}

// By which it is asked for; of a change, with its term.
std::string PlaceOf(const v1::HistoryEntry& entry) {
  if (entry.sequence() != 0) return fmt::format("{}/{}", entry.term(), entry.sequence());
  return entry.entry() == 0 ? std::string() : fmt::format("e{}", entry.entry());
}

std::string WholeEntry(const v1::HistoryEntry& entry) {
  std::string text =
      fmt::format("{} {} of {}", entry.what(), PlaceOf(entry), TimeText(entry.time()));
  if (!entry.origin().empty()) text += fmt::format(", by {}", entry.origin());
  if (!entry.operator_name().empty()) text += fmt::format(", asked by {}", entry.operator_name());
  text += fmt::format(": {}\n", entry.outcome());
  if (!entry.detail().empty()) text += entry.detail() + "\n";
  AppendObjects("added or changed", entry.upserted(), text);
  if (!entry.removed().empty()) text += "removed:\n";
  for (const v1::ObjectId& object : entry.removed()) {
    text += fmt::format("  {} {}\n", object.kind(), object.key());
  }
  AppendObjects("as they were before", entry.replaced(), text);
  return text;
}

std::string ConflictText(const v1::ObjectConflict& conflict) {
  const auto line = [](const char* when, const std::string& json) {
    return fmt::format("    {:<7} {}\n", when, json.empty() ? "not there" : json);
  };
  return fmt::format("! {} {} was changed on the primary since\n", conflict.kind(),
                     conflict.key()) +
         line("before", conflict.before()) + line("now", conflict.now()) +
         line("after", conflict.after());
}

}  // namespace

std::string DiffText(const v1::DiffReport& report) {
  if (report.same()) {
    return fmt::format("{}{}The two servers have the same: nothing that is mirrored differs.\n",
                       report.compared_with(), report.compared_with().empty() ? "" : ".\n");
  }
  std::string text;
  if (!report.compared_with().empty()) text += report.compared_with() + ".\n";
  AppendObjects("only on the primary", report.only_on_primary(), text);
  AppendObjects("only on the secondary", report.only_on_secondary(), text);
  if (!report.different().empty()) text += "different:\n";
  const auto shown = [](const std::string& value) { return value.empty() ? "(none)" : value; };
  for (const v1::Difference& difference : report.different()) {
    text +=
        fmt::format("  {} {}\n    primary    {}\n    secondary  {}\n", difference.kind(),
                    difference.key(), shown(difference.primary()), shown(difference.secondary()));
  }
  return text.empty() ? "The two servers differ.\n" : text;
}

std::string ApplyText(const v1::ApplyReport& report) {
  if (report.state() == "WORKING") {
    return fmt::format("looked at {} of {} objects\n", report.looked_at(), report.to_look_at());
  }
  std::string text;
  for (const v1::ObjectChange& change : report.changes()) {
    const char sign = change.before().empty() ? '+' : change.after().empty() ? '-' : '~';
    text += fmt::format("{} {} {}\n", sign, change.kind(), change.key());
    if (!change.before().empty()) text += fmt::format("    before  {}\n", change.before());
    if (!change.after().empty()) text += fmt::format("    after   {}\n", change.after());
  }
  for (const v1::ObjectConflict& conflict : report.conflicts()) {
    text += ConflictText(conflict);
  }
  for (const std::string& name : report.left_alone()) {
    text += fmt::format(
        "{} is left alone, though it may not be as in the file: only a reload sets it\n", name);
  }
  const auto objects = report.changes_size();
  if (report.state() == "CONFLICT") return text;
  if (report.state() == "SAME") return text + "Kea runs that already; nothing was changed.\n";
  if (report.state() == "WOULD_CHANGE") {
    return text + fmt::format("{} objects would change.\n", objects);
  }
  return text + fmt::format("{} objects changed on the primary, as change {}{}.\n", objects,
                            report.sequence(),
                            report.state() == "VERIFIED" ? ", verified on the secondary" : "");
}

std::string HistoryText(const v1::HistoryReport& report) {
  if (report.entries().empty()) return "Nothing has happened yet.\n";
  if (report.entries().size() == 1 && HasObjects(report.entries(0))) {
    return WholeEntry(report.entries(0));
  }
  Table table({"CHANGE", "TIME", "WHAT", "BY", "SET", "REMOVED", "OUTCOME", "DETAIL"});
  for (const v1::HistoryEntry& entry : report.entries()) {
    const bool counts = entry.sequence() != 0 || entry.upserted_count() + entry.removed_count() > 0;
    table.Add({PlaceOf(entry), TimeText(entry.time()), entry.what(),
               entry.operator_name().empty() ? entry.origin() : entry.operator_name(),
               counts ? fmt::to_string(entry.upserted_count()) : "",
               counts ? fmt::to_string(entry.removed_count()) : "", entry.outcome(),
               entry.detail()});
  }
  return table.Text();
}

std::string EventText(const v1::WatchEvent& event) {
  const v1::Envelope& envelope = event.envelope();
  const std::string kind = EventKind(envelope);
  return OneLine(fmt::format("{} {} {} {}/{} {}", TimeText(envelope.time()),
                             envelope.relationship(), kind.empty() ? "unknown" : kind,
                             envelope.term(), envelope.sequence(), BodyText(envelope))) +
         '\n';
}

}  // namespace nestor::ctl
