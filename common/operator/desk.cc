#include "common/operator/desk.h"

#include "common/base/status.h"
#include "common/log/log.h"
#include "common/protocol/envelope.h"

namespace nestor::operators {
namespace {

bool OnlyReads(const v1::OperatorRequest& request) {
  switch (request.verb_case()) {
    case v1::OperatorRequest::kStatus:
    case v1::OperatorRequest::kWatch:
    case v1::OperatorRequest::kDiff:
    case v1::OperatorRequest::kHistory:
    case v1::OperatorRequest::kList:
    case v1::OperatorRequest::kShow:
    case v1::OperatorRequest::kServers:
      return true;
    case v1::OperatorRequest::kResync:
    case v1::OperatorRequest::kDecision:
    case v1::OperatorRequest::kAdopt:
    case v1::OperatorRequest::kRemove:
    case v1::OperatorRequest::kApply:
    case v1::OperatorRequest::kRestore:
    case v1::OperatorRequest::kCreate:
    case v1::OperatorRequest::kEdit:
    case v1::OperatorRequest::kHa:
    case v1::OperatorRequest::kScopes:
    case v1::OperatorRequest::VERB_NOT_SET:
      return false;
  }
  return false;
}

}  // namespace

std::optional<Request> Desk::Admit(const bus::Peer& from, std::string_view payload) {
  Request request{from, {}};
  if (payload.size() > protocol::kMaxToPrimary ||
      !request.message.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
    NESTOR_LOG(warn, "MESSAGE_REFUSED", "from={} bytes={} reason=\"not an operator's request\"",
               from.user, payload.size());
    return std::nullopt;
  }
  if (!from.local && !from.user.empty()) {
    // The key proves who it is; what nestorctl says besides is a claim.
    request.message.set_operator_name(
        request.message.operator_name().empty()
            ? from.user
            : fmt::format("{} ({})", from.user, request.message.operator_name()));
  }
  const bool reads = OnlyReads(request.message);
  if (from.local || from.rights.operate || (from.rights.subscribe && reads)) return request;
  NESTOR_LOG(warn, "OPERATOR_REFUSED", "user={} verb={}", from.user,
             static_cast<int>(request.message.verb_case()));
  Refuse(request, fmt::format("the key {} has not the right {}", from.user,
                              reads ? "subscribe" : "operate"));
  return std::nullopt;
}

void Desk::Reply(const Request& request, v1::OperatorReply reply, int exit_code, std::string text,
                 bool last) {
  reply.set_magic(protocol::kOperatorMagic);
  reply.set_request_id(request.message.request_id());
  reply.set_last(last);
  reply.set_exit_code(exit_code);
  if (!text.empty()) reply.set_text(std::move(text));
  (void)send_(request.peer.route, reply.SerializeAsString());
}

bool Desk::SendEvent(const std::string& route, uint64_t request_id, const std::string& topic,
                     const v1::Envelope& event) {
  v1::OperatorReply reply;
  reply.set_magic(protocol::kOperatorMagic);
  reply.set_request_id(request_id);
  reply.mutable_event()->set_topic(topic);
  *reply.mutable_event()->mutable_envelope() = event;
  return send_(route, reply.SerializeAsString()).ok();
}

void Desk::AnswerHistory(const Request& request, absl::StatusOr<v1::HistoryReport> report) {
  if (!report.ok()) return Refuse(request, std::string(Message(report.status())));
  v1::OperatorReply reply;
  *reply.mutable_history() = *std::move(report);
  Reply(request, std::move(reply));
}

}  // namespace nestor::operators
