#include "common/protocol/envelope.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "common/base/status.h"

namespace nestor::protocol {
namespace {

// Far above what any journal reaches, far below where arithmetic ends.
constexpr uint64_t kMostNumber = uint64_t{1} << 48;

bool IsEmptyOr(std::string_view bytes, size_t size) {
  return bytes.empty() || bytes.size() == size;
}

absl::Status CheckRanges(const v1::Envelope& envelope) {
  const auto bad = [](std::string_view what) {
    return Error(absl::StatusCode::kInvalidArgument, "envelope refused: {}", what);
  };
  if (!envelope.relationship().empty() && !IsRelationshipName(envelope.relationship())) {
    return bad("relationship is not a name");
  }
  if (!IsEmptyOr(envelope.stream_id(), 16)) return bad("stream_id is not 16 bytes");
  if (!IsEmptyOr(envelope.digest_before(), 32)) return bad("digest_before is not 32 bytes");
  if (!IsEmptyOr(envelope.digest_after(), 32)) return bad("digest_after is not 32 bytes");
  const v1::Hello& hello = envelope.hello();
  if (std::max({envelope.term(), envelope.sequence(), envelope.previous_sequence(),
                hello.highest_term(), hello.position_term(), hello.position_sequence()}) >
      kMostNumber) {
    return bad("a term or sequence is beyond 2^48");
  }
  if (envelope.sender().size() > 255) return bad("sender is longer than 255 bytes");
  if (envelope.has_change() && envelope.sequence() != envelope.previous_sequence() + 1) {
    return bad("a change does not follow its previous_sequence");
  }
  return absl::OkStatus();
}

}  // namespace

uint32_t MagicOf(std::string_view payload) {
  constexpr char kFieldOneFixed32 = 0x0d;
  if (payload.size() < 5 || payload[0] != kFieldOneFixed32) return 0;
  uint32_t magic = 0;
  for (int i = 4; i >= 1; --i) {
    magic = (magic << 8) | static_cast<unsigned char>(payload[static_cast<size_t>(i)]);
  }
  return magic;
}

absl::StatusOr<v1::Envelope> ParseEnvelope(std::string_view payload, size_t max_bytes) {
  if (payload.size() > max_bytes) {
    return Error(absl::StatusCode::kInvalidArgument, "envelope refused: {} bytes, at most {}",
                 payload.size(), max_bytes);
  }
  v1::Envelope envelope;
  if (MagicOf(payload) != kEnvelopeMagic ||
      !envelope.ParseFromArray(payload.data(), static_cast<int>(payload.size())) ||
      envelope.version_major() == 0) {
    return Error(absl::StatusCode::kInvalidArgument, "envelope refused: not a Nestor envelope");
  }
  if (envelope.version_major() != kVersionMajor) {
    return Error(absl::StatusCode::kUnimplemented,
                 "the peer speaks version {}.{} of the protocol, this agent {}.{}; run the same "
                 "major version of Nestor on both servers",
                 envelope.version_major(), envelope.version_minor(), kVersionMajor, kVersionMinor);
  }
  RETURN_IF_ERROR(CheckRanges(envelope));
  if (envelope.body_case() == v1::Envelope::BODY_NOT_SET) {
    return Error(absl::StatusCode::kUnimplemented,
                 "a message of a kind this version does not know, from protocol {}.{}; upgrade "
                 "this agent",
                 envelope.version_major(), envelope.version_minor());
  }
  return envelope;
}

v1::Envelope AnswerToUnsupported(std::string_view payload, std::string_view text) {
  v1::Envelope asked;
  (void)asked.ParseFromArray(payload.data(), static_cast<int>(payload.size()));
  v1::Envelope answer;
  // Nothing of it was checked, and what is no name would make the answer one to be refused.
  if (IsRelationshipName(asked.relationship())) answer.set_relationship(asked.relationship());
  answer.set_service(asked.service());
  if (asked.version_major() != kVersionMajor) {
    answer.mutable_welcome()->set_join(v1::REFUSED);
    answer.mutable_welcome()->set_text(std::string(text));
  } else {
    answer.mutable_nack()->set_nack_class(v1::NACK_UNSUPPORTED);
    answer.mutable_nack()->set_text(std::string(text));
  }
  return answer;
}

std::string Seal(v1::Envelope& envelope) {
  envelope.set_magic(kEnvelopeMagic);
  envelope.set_version_major(kVersionMajor);
  envelope.set_version_minor(kVersionMinor);
  return envelope.SerializeAsString();
}

std::string Topic(std::string_view relationship, DhcpService service, std::string_view kind) {
  return fmt::format("nestor.v1.{}.{}.{}", relationship, ServiceName(service), kind);
}

std::array<std::string, 2> FollowedTopics(std::string_view relationship, DhcpService service) {
  return {Topic(relationship, service, "change"), Topic(relationship, service, "heartbeat")};
}

std::string_view KindOf(const v1::Envelope& envelope) {
  if (envelope.has_change()) return "change";
  if (envelope.has_ack_event()) return "ack";
  if (envelope.has_state()) return "state";
  if (envelope.has_heartbeat()) return "heartbeat";
  if (envelope.has_lease()) return "lease";
  return {};
}

v1::Service ToProto(DhcpService service) {
  return service == DhcpService::kDhcp4 ? v1::DHCP4 : v1::DHCP6;
}

bool IsRelationshipName(std::string_view name) {
  if (name.empty() || name.size() > 63 || name.front() == '-') return false;
  for (const char c : name) {
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) return false;
  }
  return true;
}

std::string_view AppliedBy(std::string_view by) {
  if (by == "hook") return "by the hook library";
  if (by == "config-set") return "by config-set";
  return {};
}

std::string ChangeName(uint64_t term, uint64_t sequence) {
  return fmt::format("{}/{}", term, sequence);
}

}  // namespace nestor::protocol
