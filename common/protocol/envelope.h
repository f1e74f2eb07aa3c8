#pragma once

#include <absl/status/statusor.h>

#include <array>
#include <string>
#include <string_view>

#include "common/base/service.h"
#include "nestor/v1/envelope.pb.h"

namespace nestor::protocol {

inline constexpr uint32_t kEnvelopeMagic = 0x4e535452;  // "NSTR"
inline constexpr uint32_t kOperatorMagic = 0x4e53544f;  // "NSTO"
inline constexpr uint32_t kVersionMajor = 1;
inline constexpr uint32_t kVersionMinor = 2;

// Sizes, in bytes, that are checked before anything is parsed.
inline constexpr size_t kMaxEvent = size_t{8} << 20;
inline constexpr size_t kMaxToPrimary = size_t{64} << 10;
inline constexpr size_t kMaxToSecondary = size_t{1} << 20;
// Of one side's HA; what is longer is not told to the other.
inline constexpr size_t kMaxHaParameters = size_t{16} << 10;
// A change whose envelope is larger is published as a snapshot reference.
inline constexpr size_t kMaxChangeEvent = size_t{4} << 20;

// The magic number a frame begins with, or 0. Tells an Envelope from an operator's request.
uint32_t MagicOf(std::string_view payload);

// Parses and checks the ranges of every fixed field.
// InvalidArgument: not an envelope. Unimplemented: another major version, or a body this version
// does not know (answer NACK_UNSUPPORTED).
absl::StatusOr<v1::Envelope> ParseEnvelope(std::string_view payload, size_t max_bytes);

// The answer to what ParseEnvelope() found Unimplemented: to another major version a Welcome that
// refuses, to an unknown body a Nack.
v1::Envelope AnswerToUnsupported(std::string_view payload, std::string_view text);

// Fills in magic and version and serialises.
std::string Seal(v1::Envelope& envelope);

// "nestor.v1.<relationship>.<service>.<kind>"; `kind` as in KindOf().
std::string Topic(std::string_view relationship, DhcpService service, std::string_view kind);
// What a follower of the relationship subscribes to: changes, then the heartbeats that say that the
// subscription has arrived. Of all else it would only fill its own queue.
std::array<std::string, 2> FollowedTopics(std::string_view relationship, DhcpService service);
// "change", "ack", "state", "heartbeat" or "lease"; empty for a control message.
std::string_view KindOf(const v1::Envelope& envelope);

v1::Service ToProto(DhcpService service);

// 1 to 63 of a-z, 0-9 and '-', not beginning with '-'. It is part of topics and of texts.
bool IsRelationshipName(std::string_view name);

// "7/1042"
std::string ChangeName(uint64_t term, uint64_t sequence);

// For people, of an Ack's `applied_by`: "by the hook library", "by config-set", or nothing.
std::string_view AppliedBy(std::string_view by);

}  // namespace nestor::protocol
