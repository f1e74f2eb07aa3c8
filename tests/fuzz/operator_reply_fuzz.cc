// What an agent answers to nestorctl. It must be printable, and what is printed as JSON be JSON.
#include <google/protobuf/stubs/logging.h>
#include <rapidjson/document.h>

#include <string>

#include "ctl/json_text.h"
#include "ctl/people_text.h"
#include "ctl/table.h"
#include "ctl/transaction_text.h"
#include "ctl/watch.h"
#include "tests/fuzz/messages.h"

namespace {

using namespace nestor;
using fuzz::Require;

void RequireJson(const std::string& text) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag>(text);
  Require(!document.HasParseError());
}

template <typename Result>
void Show(const Result& result, std::string (*for_people)(const Result&), ctl::Objects objects) {
  RequireJson(ctl::JsonText(result, objects));
  Require(ctl::Printable(for_people(result)).find('\x1b') == std::string::npos);
}

std::string StatusNow(const v1::StatusReport& report) {
  return ctl::StatusText(report, absl::FromUnixSeconds(1'800'000'000));
}

std::string Told(const v1::TransactionReport& report) {
  return ctl::TransactionTeller().Tell(report, /*last=*/true);
}

void ShowEvent(const v1::WatchEvent& event) {
  RequireJson(ctl::JsonText(event));
  Require(ctl::EventText(event).find('\x1b') == std::string::npos);
  ctl::WatchPlan plan({}, true);
  if (plan.Take(event)) (void)plan.HowToGoOn();
  Require(plan.Request().SerializeAsString().size() > 0);
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* /*count*/, char*** /*arguments*/) {
  google::protobuf::SetLogHandler(nullptr);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  v1::OperatorReply reply;
  if (!reply.ParseFromArray(data, static_cast<int>(size))) return 0;
  (void)ctl::OneLine(reply.text());
  switch (reply.result_case()) {
    case v1::OperatorReply::kStatus:
      Show(reply.status(), StatusNow, ctl::Objects::kAsText);
      break;
    case v1::OperatorReply::kEvent:
      ShowEvent(reply.event());
      break;
    case v1::OperatorReply::kDiff:
      Show(reply.diff(), ctl::DiffText, ctl::Objects::kAsJson);
      break;
    case v1::OperatorReply::kHistory:
      Show(reply.history(), ctl::HistoryText, ctl::Objects::kAsText);
      break;
    case v1::OperatorReply::kRelationships:
      Show(reply.relationships(), ctl::RelationshipsText, ctl::Objects::kAsText);
      break;
    case v1::OperatorReply::kResync:
      RequireJson(ctl::JsonText(reply.resync(), ctl::Objects::kAsText));
      break;
    case v1::OperatorReply::kApply:
      Show(reply.apply(), ctl::ApplyText, ctl::Objects::kAsJson);
      break;
    case v1::OperatorReply::kTransaction:
      Show(reply.transaction(), Told, ctl::Objects::kAsJson);
      break;
    case v1::OperatorReply::kServers:
      Show(reply.servers(), ctl::ServersText, ctl::Objects::kAsText);
      break;
    case v1::OperatorReply::RESULT_NOT_SET:
      break;
  }
  return 0;
}
