// What was changed on the secondary while the primary was away: into the history, once.

#include "common/base/status.h"
#include "common/log/log.h"
#include "common/protocol/envelope.h"
#include "primary-agent/publish/stream.h"

namespace nestor::primary {
namespace {

constexpr size_t kMostKeptBytes = size_t{256} << 20;
constexpr size_t kMostId = 255;
// Of the objects, what an event tells.
constexpr int kMostObjects = 50;
constexpr size_t kMostObjectBytes = size_t{256} << 10;

}  // namespace

// Pieces that do not fit are dropped: the secondary begins again.
void Stream::OnKept(const v1::Report& report) {
  if (report.index() == 0) kept_ = {report.request_id(), {}, 0};
  const bool fits = report.request_id() == kept_.id && report.index() == kept_.next_piece &&
                    kept_.data.size() + report.data().size() <= kMostKeptBytes;
  if (!fits || kept_.id.empty() || kept_.id.size() > kMostId) return;
  ++kept_.next_piece;
  kept_.data.append(report.data());
  if (!report.last()) return;
  const OpenKept whole = std::exchange(kept_, {});
  v1::HistoryEntry entry;
  if (!entry.ParseFromString(whole.data) || entry.id() != whole.id) {
    NESTOR_LOG(warn, "MESSAGE_REFUSED", "relationship={} from={} bytes={} reason=\"{}\"",
               spec_.name(), spec_.secondary(), whole.data.size(),
               "what was kept there cannot be read");
    return;
  }
  KeepEntry(std::move(entry));
}

void Stream::KeepEntry(v1::HistoryEntry entry) {
  entry.set_sequence(0);
  entry.set_what("kept");
  entry.set_outcome("kept");
  entry.set_upserted_count(static_cast<uint64_t>(entry.upserted_size()));
  entry.set_removed_count(static_cast<uint64_t>(entry.removed_size()));
  entry.set_term(publisher_.stream().term);
  world_.disk.Post([self = weak_from_this(), journal = &world_.journal, loop = &world_.loop,
                    name = spec_.name(), entry = std::move(entry)]() mutable {
    const auto number = journal->AddEntryOnce(name, entry);
    if (number.ok()) entry.set_entry(*number);
    loop->Post([self, name, status = number.status(), entry = std::move(entry)] {
      if (!status.ok()) {
        // It is told again.
        NESTOR_LOG(error, "JOURNAL_WRITE_FAILED", "relationship={} error=\"{}\"", name,
                   Message(status));
        return;
      }
      const auto stream = self.lock();
      if (!stream) return;
      stream->AnnounceKept(entry);
      v1::Envelope answer;
      answer.mutable_report_kept()->set_request_id(entry.id());
      (void)stream->SendToFollower(std::move(answer));
    });
  });
}

void Stream::AnnounceKept(const v1::HistoryEntry& entry) {
  const uint64_t objects = entry.upserted_count() + entry.removed_count();
  v1::State state;
  state.set_what("kept");
  state.set_from("standing");
  state.set_to("kept");
  state.set_server(spec_.secondary());
  state.set_entry(entry.entry());
  *state.mutable_happened() = entry.time();
  state.set_reason(
      fmt::format("{} objects {}; the configuration of {} takes their place. To bring them back: "
                  "nestorctl history {} e{} --apply-to primary",
                  objects, entry.detail(), server_, spec_.name(), entry.entry()));
  size_t bytes = 0;
  const auto fits = [&](size_t size) { return (bytes += size) <= kMostObjectBytes; };
  for (const v1::Object& one : entry.upserted()) {
    if (state.upserted_size() < kMostObjects && fits(one.ByteSizeLong())) {
      *state.add_upserted() = one;
    }
  }
  for (const v1::ObjectId& one : entry.removed()) {
    if (state.removed_size() < kMostObjects && fits(one.ByteSizeLong())) {
      *state.add_removed() = one;
    }
  }
  state.set_left_out(objects - static_cast<uint64_t>(state.upserted_size()) -
                     static_cast<uint64_t>(state.removed_size()));
  PublishState(state);
  NESTOR_LOG(warn, "CHANGE_KEPT", "relationship={} entry=e{} id={} upserted={} removed={}",
             spec_.name(), entry.entry(), entry.id(), entry.upserted_count(),
             entry.removed_count());
}

}  // namespace nestor::primary
