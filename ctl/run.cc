#include "ctl/run.h"

#include <absl/time/clock.h>
#include <fmt/format.h>

#include <cstdio>
#include <string>

#include "common/base/status.h"
#include "common/json/json.h"
#include "ctl/connect.h"
#include "ctl/exit_code.h"
#include "ctl/json_text.h"
#include "ctl/keygen.h"
#include "ctl/people_text.h"
#include "ctl/send_file.h"
#include "ctl/table.h"
#include "ctl/watch.h"

namespace nestor::ctl {
namespace {

using Verb = v1::OperatorRequest::VerbCase;

// How long the agents may take: each bounds its own work, and answers when that time is over.
absl::Duration PatienceFor(const v1::OperatorRequest& request) {
  switch (request.verb_case()) {
    case Verb::kResync:
      return request.resync().wait() ? absl::Minutes(11) : absl::Seconds(30);
    case Verb::kApply:
      return absl::Minutes(5);
    case Verb::kDiff:
    case Verb::kAdopt:
      return absl::Minutes(2);
    default:
      return absl::Seconds(30);
  }
}

bool ChangesSomething(const v1::OperatorRequest& request) {
  switch (request.verb_case()) {
    case Verb::kResync:
    case Verb::kDecision:
    case Verb::kAdopt:
    case Verb::kRemove:
      return true;
    case Verb::kApply:
      return !request.apply().dry_run();
    default:
      return false;
  }
}

int Fail(const absl::Status& status, int exit_code) {
  fmt::print(stderr, "nestorctl: {}\n", Printable(std::string(Message(status))));
  return exit_code;
}

// What to exit with when an agent could not be asked at all.
int NotAsked(const absl::Status& status) {
  return Fail(status, absl::IsInvalidArgument(status) ? kUsage : kNotReachable);
}

int NoReply(const absl::Status& status, const v1::OperatorRequest& request) {
  if (absl::IsUnavailable(status) && !ChangesSomething(request)) {
    return Fail(status, kNotReachable);
  }
  return Fail(
      Error(status.code(), "{}; what was asked for may have been done or not{}", Message(status),
            ChangesSomething(request) ? ": see nestorctl status and history" : ""),
      kUnknownState);
}

std::string JsonDocument(const v1::OperatorReply& reply) {
  switch (reply.result_case()) {
    case v1::OperatorReply::kStatus:
      return JsonText(reply.status(), Objects::kAsText);
    case v1::OperatorReply::kDiff:
      return JsonText(reply.diff(), Objects::kAsJson);
    case v1::OperatorReply::kHistory:
      return JsonText(reply.history(), Objects::kAsText);
    case v1::OperatorReply::kRelationships:
      return JsonText(reply.relationships(), Objects::kAsText);
    case v1::OperatorReply::kResync:
      return JsonText(reply.resync(), Objects::kAsText);
    case v1::OperatorReply::kApply:
      return JsonText(reply.apply(), Objects::kAsJson);
    case v1::OperatorReply::kEvent:
    case v1::OperatorReply::RESULT_NOT_SET:
      break;
  }
  std::string text;
  json::AppendString(reply.text(), text);
  return fmt::format(R"({{"exit_code":{},"text":{}}})", reply.exit_code(), text);
}

std::string ResyncText(const v1::ResyncReport& report) {
  return report.sequence() == 0
             ? fmt::format("{}\n", report.state())
             : fmt::format("{} at change {}\n", report.state(), report.sequence());
}

std::string TextForPeople(const v1::OperatorReply& reply) {
  switch (reply.result_case()) {
    case v1::OperatorReply::kStatus:
      return StatusText(reply.status(), absl::Now());
    case v1::OperatorReply::kDiff:
      return DiffText(reply.diff());
    case v1::OperatorReply::kHistory:
      return HistoryText(reply.history());
    case v1::OperatorReply::kRelationships:
      return RelationshipsText(reply.relationships());
    case v1::OperatorReply::kResync:
      return ResyncText(reply.resync());
    case v1::OperatorReply::kApply:
      return ApplyText(reply.apply());
    case v1::OperatorReply::kEvent:
    case v1::OperatorReply::RESULT_NOT_SET:
      return "";
  }
  return "";
}

// A refusal goes to standard error, all else to standard output.
void Print(const v1::OperatorReply& reply, bool json) {
  const bool has_result = reply.result_case() != v1::OperatorReply::RESULT_NOT_SET;
  const bool done = reply.exit_code() < kUsage;
  if (json && reply.last() && (has_result || done)) fmt::print("{}\n", JsonDocument(reply));
  if (!json && has_result) fmt::print("{}", Printable(TextForPeople(reply)));
  if (reply.text().empty() || (json && done && !has_result)) return;
  fmt::print(done && !json ? stdout : stderr, "{}{}\n",
             done ? "" : "nestorctl: ", Printable(reply.text()));
}

int Ask(const Invocation& invocation, bus::OperatorClient& client) {
  const absl::Status sent = invocation.file.empty()
                                ? client.Send(invocation.request)
                                : SendFile(client, invocation.request, invocation.file);
  if (!sent.ok()) return NotAsked(sent);
  while (true) {
    const auto reply = client.Receive(PatienceFor(invocation.request));
    if (!reply.ok()) return NoReply(reply.status(), invocation.request);
    Print(*reply, invocation.json);
    std::fflush(stdout);
    if (reply->last()) return reply->exit_code();
  }
}

int Keygen(const std::string& name) {
  const auto told = MakeKeyPair(".", name);
  if (!told.ok()) {
    return Fail(told.status(), absl::IsInvalidArgument(told.status()) ? kUsage : kRefused);
  }
  fmt::print("{}\n", *told);
  return kDone;
}

}  // namespace

int Run(const Invocation& invocation) {
  if (invocation.keygen_name) return Keygen(*invocation.keygen_name);
  Invocation named = invocation;
  named.request.set_operator_name(OperatorName());
  if (named.request.has_watch()) return RunWatch(named);
  const auto client = ConnectTo(named);
  return client.ok() ? Ask(named, **client) : NotAsked(client.status());
}

}  // namespace nestor::ctl
