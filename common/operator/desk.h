#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/executor.h"
#include "common/bus/bus.h"
#include "nestor/v1/operator.pb.h"

namespace nestor::operators {

// What nestorctl exits with, where it is not 0 (done) or a verb's own 1 and 2.
inline constexpr int kUsage = 64;
inline constexpr int kRefused = 65;
inline constexpr int kUnknownState = 75;

// What an operator asked, and who it is.
struct Request {
  bus::Peer peer;
  v1::OperatorRequest message;
};

// Where an agent receives operators: checks what comes in and who may ask for what, and answers.
// Protocol thread only.
class Desk : public std::enable_shared_from_this<Desk> {
 public:
  using Send = std::function<absl::Status(std::string_view route, std::string_view payload)>;
  explicit Desk(Send send) : send_(std::move(send)) {}

  // The request, if it is one and its sender may ask for it; else it was refused and logged.
  std::optional<Request> Admit(const bus::Peer& from, std::string_view payload);

  // Sends `reply`; a client that is gone does not get it.
  void Reply(const Request& request, v1::OperatorReply reply, int exit_code = 0,
             std::string text = {}, bool last = true);
  void Refuse(const Request& request, std::string text) {
    Reply(request, {}, kRefused, std::move(text));
  }
  // The same for an event of a watch; false: the client does not take it.
  bool SendEvent(const std::string& route, uint64_t request_id, const std::string& topic,
                 const v1::Envelope& event);

  // Answers a HistoryRequest out of `Store` (a Journal or a FollowerStore), read on `disk`. For a
  // relationship of which nothing is known `unknown` answers instead.
  template <typename Store>
  void History(const Request& request, Store& store, Executor& disk, Executor& loop,
               std::function<void(const Request&)> unknown) {
    disk.Post([self = weak_from_this(), request, store = &store, loop = &loop,
               unknown = std::move(unknown)] {
      auto report = Read(request.message.history(), *store);
      loop->Post([self, request, unknown, report = std::move(report)]() mutable {
        const auto desk = self.lock();
        if (!desk) return;
        if (report.ok() && report->entries().empty()) return unknown(request);
        desk->AnswerHistory(request, std::move(report));
      });
    });
  }

 private:
  template <typename Store>
  static absl::StatusOr<v1::HistoryReport> Read(const v1::HistoryRequest& history, Store& store) {
    v1::HistoryReport report;
    if (history.sequence() != 0 || history.entry() != 0) {
      auto entry = history.entry() != 0 ? store.EntryOf(history.name(), history.entry())
                                        : store.HistoryOf(history.name(), history.sequence());
      if (!entry.ok()) return entry.status();
      *report.add_entries() = *std::move(entry);
      return report;
    }
    auto entries = store.History(history.name(), history.limit());
    if (!entries.ok()) return entries.status();
    for (auto& entry : *entries) *report.add_entries() = std::move(entry);
    return report;
  }
  void AnswerHistory(const Request& request, absl::StatusOr<v1::HistoryReport> report);

  Send send_;
};

}  // namespace nestor::operators
