#include "ctl/run.h"

#include <absl/time/clock.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <string>
#include <variant>

#include "common/base/status.h"
#include "common/json/json.h"
#include "ctl/connect.h"
#include "ctl/exit_code.h"
#include "ctl/json_text.h"
#include "ctl/keygen.h"
#include "ctl/people_text.h"
#include "ctl/send_file.h"
#include "ctl/table.h"
#include "ctl/transaction_text.h"
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
    case Verb::kRestore:
    case Verb::kCreate:
    case Verb::kEdit:
      return absl::Minutes(5);
    case Verb::kDiff:
    case Verb::kAdopt:
    case Verb::kRemove:
    case Verb::kHa:
    case Verb::kScopes:
      return absl::Minutes(2);
    default:
      return absl::Seconds(30);
  }
}

// Of a verb that changes both servers.
v1::TransactionOptions OptionsOf(const v1::OperatorRequest& request) {
  return request.has_create() ? request.create().options()
         : request.has_edit() ? request.edit().options()
                              : request.remove().options();
}

void SetDryRun(bool dry_run, v1::OperatorRequest& request) {
  v1::TransactionOptions& options =
      request.has_create() ? *request.mutable_create()->mutable_options()
      : request.has_edit() ? *request.mutable_edit()->mutable_options()
                           : *request.mutable_remove()->mutable_options();
  options.set_dry_run(dry_run);
}

bool ChangesSomething(const v1::OperatorRequest& request) {
  switch (request.verb_case()) {
    case Verb::kResync:
    case Verb::kDecision:
    case Verb::kAdopt:
    case Verb::kHa:
    case Verb::kScopes:
      return true;
    case Verb::kApply:
      return !request.apply().dry_run();
    case Verb::kRestore:
      return !request.restore().dry_run();
    case Verb::kCreate:
    case Verb::kEdit:
    case Verb::kRemove:
      return !OptionsOf(request).dry_run();
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
    case v1::OperatorReply::kTransaction:
      return JsonText(reply.transaction(), Objects::kAsJson);
    case v1::OperatorReply::kServers:
      return JsonText(reply.servers(), Objects::kAsText);
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

std::string TextForPeople(const v1::OperatorReply& reply, TransactionTeller& teller) {
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
    case v1::OperatorReply::kTransaction:
      return teller.Tell(reply.transaction(), reply.last());
    case v1::OperatorReply::kServers:
      return ServersText(reply.servers());
    case v1::OperatorReply::kEvent:
    case v1::OperatorReply::RESULT_NOT_SET:
      return "";
  }
  return "";
}

// A refusal goes to standard error, all else to standard output.
void Print(const v1::OperatorReply& reply, bool json, TransactionTeller& teller) {
  const bool has_result = reply.result_case() != v1::OperatorReply::RESULT_NOT_SET;
  const bool done = reply.exit_code() < kUsage;
  if (json && reply.last() && (has_result || done)) fmt::print("{}\n", JsonDocument(reply));
  if (!json && has_result) fmt::print("{}", Printable(TextForPeople(reply, teller)));
  if (reply.text().empty() || (json && done && !has_result)) return;
  fmt::print(done && !json ? stdout : stderr, "{}{}\n",
             done ? "" : "nestorctl: ", Printable(reply.text()));
}

// What of a reply is printed.
enum class Printing { kAll, kAllButPlainSuccess };

// Asks, and prints what comes; the last reply, or what to exit with.
std::variant<v1::OperatorReply, int> AskOnce(const Invocation& invocation,
                                             bus::OperatorClient& client,
                                             Printing printing = Printing::kAll) {
  const absl::Status sent = invocation.file.empty()
                                ? client.Send(invocation.request)
                                : SendFile(client, invocation.request, invocation.file);
  if (!sent.ok()) return NotAsked(sent);
  TransactionTeller teller;
  while (true) {
    auto reply = client.Receive(PatienceFor(invocation.request));
    if (!reply.ok()) return NoReply(reply.status(), invocation.request);
    const bool plain = reply->exit_code() == 0 && !reply->has_transaction();
    if (printing == Printing::kAll || !plain) Print(*reply, invocation.json, teller);
    std::fflush(stdout);
    if (reply->last()) return *std::move(reply);
  }
}

int Ask(const Invocation& invocation, bus::OperatorClient& client) {
  const auto answer = AskOnce(invocation, client);
  const auto* reply = std::get_if<v1::OperatorReply>(&answer);
  return reply == nullptr ? std::get<int>(answer) : reply->exit_code();
}

// Whether the person at the terminal agrees.
bool Agrees(std::string_view question) {
  fmt::print("{} [y/N] ", question);
  std::fflush(stdout);
  std::string answer;
  return std::getline(std::cin, answer) && (answer == "y" || answer == "yes");
}

int Unasked() {
  fmt::print(
      stderr,
      "nestorctl: this changes both servers, and there is no terminal to ask at: say --yes\n");
  return kUsage;
}

int NotDone() {
  fmt::print("Nothing was changed.\n");
  return kRefused;
}

// What changes both servers is shown first, and done when a person agrees.
int AskFirst(Invocation invocation, bus::OperatorClient& client) {
  const bool terminal = ::isatty(STDIN_FILENO) != 0;
  if (!terminal && !invocation.request.has_remove()) return Unasked();
  SetDryRun(true, invocation.request);
  const auto answer = AskOnce(invocation, client, Printing::kAllButPlainSuccess);
  const auto* shown = std::get_if<v1::OperatorReply>(&answer);
  if (shown == nullptr) return std::get<int>(answer);
  if (shown->exit_code() != 0) return shown->exit_code();
  // Where nothing but the mirroring ends there is nothing to ask.
  if (shown->has_transaction()) {
    if (!terminal) return Unasked();
    if (!Agrees("Do it?")) return NotDone();
  }
  SetDryRun(false, invocation.request);
  return Ask(invocation, client);
}

int AskHa(const Invocation& invocation, bus::OperatorClient& client) {
  const v1::HaRequest& ha = invocation.request.ha();
  if (!invocation.yes) {
    fmt::print("{} of {}: {}\n", ha.action(), ha.server(), HaEffect(ha));
    if (::isatty(STDIN_FILENO) == 0) return Unasked();
    if (!Agrees("Do it?")) return NotDone();
  }
  return Ask(invocation, client);
}

// What was kept is shown first, with what stands in its way, and brought back when a person agrees.
int AskRestore(Invocation invocation, bus::OperatorClient& client) {
  v1::RestoreRequest& restore = *invocation.request.mutable_restore();
  restore.set_dry_run(true);
  const auto answer = AskOnce(invocation, client);
  const auto* shown = std::get_if<v1::OperatorReply>(&answer);
  if (shown == nullptr) return std::get<int>(answer);
  if (shown->exit_code() != 0 || shown->apply().state() == "SAME") return shown->exit_code();
  const bool conflicts = shown->apply().conflicts_size() > 0;
  if (!Agrees(conflicts ? "Overwrite what the primary has?" : "Do it?")) return NotDone();
  restore.set_dry_run(false);
  restore.set_overwrite(conflicts);
  return Ask(invocation, client);
}

// What is asked for, after the questions that go before it.
int Carry(const Invocation& invocation, bus::OperatorClient& client) {
  switch (invocation.request.verb_case()) {
    case Verb::kCreate:
    case Verb::kEdit:
    case Verb::kRemove:
      return invocation.yes || OptionsOf(invocation.request).dry_run()
                 ? Ask(invocation, client)
                 : AskFirst(invocation, client);
    case Verb::kHa:
      return AskHa(invocation, client);
    case Verb::kRestore:
      // A script is asked nothing: the agent refuses where something stands in the way.
      return invocation.yes || invocation.request.restore().dry_run() || invocation.json ||
                     ::isatty(STDIN_FILENO) == 0
                 ? Ask(invocation, client)
                 : AskRestore(invocation, client);
    default:
      return Ask(invocation, client);
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
  return client.ok() ? Carry(named, **client) : NotAsked(client.status());
}

}  // namespace nestor::ctl
