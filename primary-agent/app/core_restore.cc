// nestorctl history NAME SEQ --apply-to primary: what an entry of the history holds, given to the
// primary's Kea as a file of these objects would be.

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/config/kea_config.h"
#include "common/log/log.h"
#include "primary-agent/app/applying.h"

namespace nestor::primary {
namespace {

constexpr size_t kMostNamed = 3;

std::string NameOf(const v1::HistoryEntry& entry) {
  return entry.sequence() != 0 ? fmt::format("change {}", entry.sequence())
                               : fmt::format("entry e{}", entry.entry());
}

// Why it is not done without an operator's word.
absl::Status Refusal(const std::vector<config::Restoration::Conflict>& conflicts,
                     const std::string& server) {
  std::string names;
  for (size_t i = 0; i < std::min(conflicts.size(), kMostNamed); ++i) {
    const auto& one = conflicts[i];
    names += (i == 0 ? "" : ", ") + config::Describe(one.id, one.now.empty() ? one.after : one.now);
  }
  if (conflicts.size() > kMostNamed) {
    names += fmt::format(" and {} more", conflicts.size() - kMostNamed);
  }
  return Error(absl::StatusCode::kAborted,
               "what is to be brought back was changed on {} since: {}. Nothing was changed. See "
               "both with --dry-run; --yes overwrites what {} has",
               server, names, server);
}

}  // namespace

void PrimaryApp::Core::Restore(const Request& request) {
  const v1::RestoreRequest& restore = request.message.restore();
  if (Named(request, restore.name()) == nullptr) return;
  world_.disk.Post(
      [self = weak_from_this(), request, journal = &world_.journal, loop = &world_.loop] {
        const v1::RestoreRequest& asked = request.message.restore();
        auto entry = asked.entry() != 0 ? journal->EntryOf(asked.name(), asked.entry())
                                        : journal->HistoryOf(asked.name(), asked.sequence());
        loop->Post([self, request, entry = std::move(entry)]() mutable {
          const auto core = self.lock();
          if (!core) return;
          if (!entry.ok())
            return core->desk_->Refuse(request, std::string(Message(entry.status())));
          core->BeginRestore(request, *std::move(entry));
        });
      });
}

void PrimaryApp::Core::BeginRestore(const Request& request, v1::HistoryEntry entry) {
  const v1::RestoreRequest& restore = request.message.restore();
  const auto applying = NewApplying(request, restore.name());
  if (!applying) return;
  applying->wait = restore.wait();
  applying->conflicts = std::make_shared<std::vector<config::Restoration::Conflict>>();
  applying->entry = std::move(entry);
  AmendmentOrder& order = applying->order;
  order.merge = true;
  order.dry_run = restore.dry_run();
  order.origin = fmt::format(
      "history {} by {}", NameOf(applying->entry),
      request.message.operator_name().empty() ? "an operator" : request.message.operator_name());
  const bool overwrites = restore.overwrite() || restore.dry_run();
  order.wanted = [entry = applying->entry, conflicts = applying->conflicts, overwrites,
                  server = options_.server_name](
                     const config::ObjectSet& running) -> absl::StatusOr<config::ObjectSet> {
    ASSIGN_OR_RETURN(config::Restoration restored, config::Restore(entry, running));
    *conflicts = std::move(restored.conflicts);
    if (!conflicts->empty() && !overwrites) return Refusal(*conflicts, server);
    return std::move(restored.wanted);
  };
  ReadAndAmend(applying);
}

void PrimaryApp::Core::ToReport(const std::vector<config::Restoration::Conflict>& conflicts,
                                v1::ApplyReport& report) {
  for (const auto& one : conflicts) {
    v1::ObjectConflict& conflict = *report.add_conflicts();
    conflict.set_kind(std::string(config::KindName(one.id.kind)));
    conflict.set_key(one.id.key);
    conflict.set_before(one.before);
    conflict.set_now(one.now);
    conflict.set_after(one.after);
  }
}

// Kea has what the entry holds, as the change `sequence`.
void PrimaryApp::Core::NoteRestored(const Applying& applying, Stream& stream) {
  const std::string& by = applying.request.message.operator_name();
  NESTOR_LOG(info, "ENTRY_RESTORED",
             "relationship={} entry=\"{}\" objects={} overwritten={} by=\"{}\"", applying.name,
             NameOf(applying.entry), applying.report.changes_size(),
             applying.report.conflicts_size(), by);
  if (applying.entry.what() != "kept") return;
  v1::State state;
  state.set_what("kept");
  state.set_from("kept");
  state.set_to("brought-back");
  state.set_server(options_.server_name);
  state.set_entry(applying.entry.entry());
  state.set_reason(fmt::format("{} was brought back to {} by {}, as change {}",
                               NameOf(applying.entry), options_.server_name,
                               by.empty() ? "an operator" : by, applying.report.sequence()));
  stream.Announce(state);
}

}  // namespace nestor::primary
