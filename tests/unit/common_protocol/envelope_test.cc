#include "common/protocol/envelope.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/status.h"
#include "tests/unit/common_protocol/stream_double.h"

namespace nestor::protocol {
namespace {

using ::testing::HasSubstr;

v1::Envelope Valid() {
  StreamDouble stream;
  stream.Add(Subnets({1}));
  return stream.Change(stream.Add(Subnets({1, 2})));
}

absl::Status Parsed(v1::Envelope envelope, size_t max_bytes = kMaxEvent) {
  return ParseEnvelope(Seal(envelope), max_bytes).status();
}

template <typename Spoil>
absl::Status ParsedWith(Spoil spoil) {
  v1::Envelope envelope = Valid();
  spoil(envelope);
  return Parsed(envelope);
}

TEST(EnvelopeTest, WhatIsSealedCanBeParsed) {
  v1::Envelope envelope = Valid();
  const std::string text = Seal(envelope);
  EXPECT_EQ(MagicOf(text), kEnvelopeMagic);
  auto parsed = ParseEnvelope(text, kMaxEvent);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->SerializeAsString(), envelope.SerializeAsString());
}

TEST(EnvelopeTest, TheSizeIsCheckedBeforeAnythingIsParsed) {
  EXPECT_THAT(std::string(Message(Parsed(Valid(), 10))), HasSubstr("at most 10"));
}

TEST(EnvelopeTest, WhatIsNoEnvelopeIsRefused) {
  for (const std::string& text : {std::string(), std::string("\x0d"), std::string("GET / HTTP/1.1"),
                                  std::string("\x0dRTSN\xff\xff\xff\xff", 9)}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseEnvelope(text, kMaxEvent).status()));
  }
}

TEST(EnvelopeTest, AnotherMajorVersionIsNotSpoken) {
  v1::Envelope envelope = Valid();
  (void)Seal(envelope);
  envelope.set_version_major(2);
  const absl::Status status = ParseEnvelope(envelope.SerializeAsString(), kMaxEvent).status();
  EXPECT_TRUE(absl::IsUnimplemented(status));
  EXPECT_THAT(std::string(Message(status)), HasSubstr("2.2"));
}

TEST(EnvelopeTest, ALaterMinorVersionIsRead) {
  v1::Envelope envelope = Valid();
  (void)Seal(envelope);
  envelope.set_version_minor(9);
  EXPECT_TRUE(ParseEnvelope(envelope.SerializeAsString(), kMaxEvent).ok());
}

TEST(EnvelopeTest, AnUnknownBodyIsUnsupported) {
  EXPECT_TRUE(absl::IsUnimplemented(ParsedWith([](auto& e) { e.clear_change(); })));
}

TEST(EnvelopeTest, NumbersBeyondAnyJournalAreRefused) {
  v1::Envelope envelope;
  envelope.mutable_hello()->set_highest_term(uint64_t{1} << 60);
  EXPECT_FALSE(ParseEnvelope(Seal(envelope), 1000).ok());
  envelope.mutable_hello()->set_highest_term(7);
  envelope.set_sequence(uint64_t{1} << 60);
  EXPECT_FALSE(ParseEnvelope(Seal(envelope), 1000).ok());
}

TEST(EnvelopeTest, WhatIsUnsupportedIsAnswered) {
  v1::Envelope envelope;
  envelope.set_relationship("east");
  const v1::Envelope nack = AnswerToUnsupported(Seal(envelope), "why");
  EXPECT_EQ(nack.relationship(), "east");
  EXPECT_EQ(nack.nack().nack_class(), v1::NACK_UNSUPPORTED);
  EXPECT_EQ(nack.nack().text(), "why");
  envelope.set_version_major(2);
  const v1::Envelope refused = AnswerToUnsupported(envelope.SerializeAsString(), "why");
  EXPECT_EQ(refused.welcome().join(), v1::REFUSED);
  EXPECT_EQ(refused.welcome().text(), "why");
  envelope.set_relationship("No Name");
  EXPECT_EQ(AnswerToUnsupported(envelope.SerializeAsString(), "why").relationship(), "");
}

TEST(EnvelopeTest, FixedFieldsHaveTheirRanges) {
  const std::vector<std::function<void(v1::Envelope&)>> spoils = {
      [](auto& e) { e.set_relationship("No Name"); },
      [](auto& e) { e.set_relationship(std::string(64, 'a')); },
      [](auto& e) { e.set_stream_id("short"); },
      [](auto& e) { e.set_digest_before("short"); },
      [](auto& e) { e.set_digest_after(std::string(33, 'x')); },
      [](auto& e) { e.set_sender(std::string(256, 's')); },
      [](auto& e) { e.set_previous_sequence(e.sequence()); },
      [](auto& e) { e.set_sequence(0); },
  };
  for (const auto& spoil : spoils) EXPECT_TRUE(absl::IsInvalidArgument(ParsedWith(spoil)));
}

TEST(EnvelopeTest, TopicsNameRelationshipServiceAndKind) {
  EXPECT_EQ(Topic("east", DhcpService::kDhcp4, "change"), "nestor.v1.east.dhcp4.change");
  EXPECT_THAT(
      FollowedTopics("east", DhcpService::kDhcp6),
      ::testing::ElementsAre("nestor.v1.east.dhcp6.change", "nestor.v1.east.dhcp6.heartbeat"));
  EXPECT_EQ(KindOf(Valid()), "change");
  EXPECT_EQ(KindOf(v1::Envelope()), "");
}

TEST(EnvelopeTest, NamesAreShortAndPlain) {
  for (const char* name : {"a", "east-4", "0"}) EXPECT_TRUE(IsRelationshipName(name)) << name;
  for (const char* name : {"", "-a", "A", "a.b", "a b", "\xc3\xa9"}) {
    EXPECT_FALSE(IsRelationshipName(name)) << name;
  }
}

}  // namespace
}  // namespace nestor::protocol
