#include "tests/simulation/operator.h"

#include "common/protocol/envelope.h"

namespace nestor::simulation {
namespace {

constexpr size_t kPiece = size_t{32} << 10;  // of a file

}  // namespace

Operator::Operator(Surroundings around, SecondaryHost& secondary)
    : around_(around), secondary_(secondary) {
  desk_ = around_.network.Join("operator", nullptr, {"", "local", bus::Rights::All(), true});
  around_.network.Exempt(desk_);
  desk_->OnControl([this](std::string_view payload) { OnReply(true, payload); });
}

v1::OperatorRequest Operator::Request() {
  v1::OperatorRequest request;
  request.set_magic(protocol::kOperatorMagic);
  request.set_request_id(next_request_++);
  request.set_operator_name("root");
  return request;
}

void Operator::ToPrimary(const v1::OperatorRequest& request) {
  (void)desk_->Send(request.SerializeAsString());
}

void Operator::ToSecondary(const v1::OperatorRequest& request) {
  secondary_.Ask(request.SerializeAsString(),
                 [this](std::string_view payload) { OnReply(false, payload); });
}

void Operator::OnReply(bool from_primary, std::string_view payload) {
  v1::OperatorReply reply;
  if (!reply.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
    return around_.chronicle.Violate("operator", "an answer cannot be read");
  }
  if (const auto order = orders_.find(reply.request_id()); order != orders_.end() && reply.last()) {
    const auto answered = std::move(order->second);
    orders_.erase(order);
    answered(reply.apply().state());
  }
  if (!reply.has_status()) {
    around_.chronicle.Note("operator hears from {}: {} {}", from_primary ? kPrimary : kSecondary,
                           reply.exit_code(), reply.text());
    return;
  }
  const auto& all = reply.status().relationships();
  const auto status = all.empty() ? std::nullopt : std::make_optional(all[0]);
  if (from_primary) {
    look_.adopted = status.has_value();
    look_.primary = status;
  } else {
    look_.secondary = status;
  }
}

void Operator::Ask() {
  look_ = {};
  auto request = Request();
  request.mutable_status();
  ToPrimary(request);
  ToSecondary(request);
}

void Operator::Adopt() {
  auto request = Request();
  request.mutable_adopt()->set_name(std::string(kRelationship));
  request.mutable_adopt()->set_service(v1::DHCP4);
  request.mutable_adopt()->set_secondary(std::string(kSecondary));
  ToPrimary(request);
}

void Operator::Resync(bool at_secondary) {
  around_.chronicle.Note("operator: resync at {}", at_secondary ? kSecondary : kPrimary);
  auto request = Request();
  request.mutable_resync()->set_name(std::string(kRelationship));
  request.mutable_resync()->set_wait(true);
  at_secondary ? ToSecondary(request) : ToPrimary(request);
}

void Operator::Decide(uint64_t sequence, bool approve, bool at_secondary) {
  around_.chronicle.Note("operator: {} {}", approve ? "approves" : "rejects", sequence);
  auto request = Request();
  request.mutable_decision()->set_name(std::string(kRelationship));
  request.mutable_decision()->set_sequence(sequence);
  request.mutable_decision()->set_approve(approve);
  at_secondary ? ToSecondary(request) : ToPrimary(request);
}

void Operator::Apply(const std::string& file, Answered answered) {
  auto request = Request();
  orders_[request.request_id()] = std::move(answered);
  request.mutable_apply()->set_name(std::string(kRelationship));
  for (size_t at = 0; at < file.size(); at += kPiece) {
    request.mutable_apply()->set_piece(file.substr(at, kPiece));
    request.mutable_apply()->set_index(static_cast<uint32_t>(at / kPiece));
    request.mutable_apply()->set_more(at + kPiece < file.size());
    ToPrimary(request);
  }
}

void Operator::Browse() {
  around_.chronicle.Note("operator: diff and history");
  auto request = Request();
  request.mutable_diff()->set_name(std::string(kRelationship));
  ToPrimary(request);
  ToSecondary(request);
  request = Request();
  request.mutable_history()->set_name(std::string(kRelationship));
  ToPrimary(request);
  ToSecondary(request);
}

}  // namespace nestor::simulation
