#include "secondary-agent/follow/kept.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/sim_disk.h"

namespace nestor::secondary {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr Instant kNow{absl::Seconds(100)};

v1::HistoryEntry EntryOf(std::string id, size_t bytes = 10) {
  v1::HistoryEntry entry;
  entry.set_id(std::move(id));
  entry.set_detail(std::string(bytes, 'x'));
  return entry;
}

TEST(KeptOutboxTest, SendsOneAfterAnotherInPieces) {
  KeptOutbox outbox;
  outbox.Put(EntryOf("one", 70'000));
  outbox.Put(EntryOf("two"));
  std::string data;
  for (uint32_t index = 0; index < 3; ++index) {
    const auto piece = outbox.Next(kNow);
    ASSERT_TRUE(piece.has_value());
    EXPECT_EQ(piece->request_id(), "one");
    EXPECT_EQ(piece->index(), index);
    EXPECT_EQ(piece->last(), index == 2);
    data += piece->data();
    outbox.Sent(kNow);
  }
  v1::HistoryEntry whole;
  ASSERT_TRUE(whole.ParseFromString(data));
  EXPECT_EQ(whole.id(), "one");
  EXPECT_FALSE(outbox.Next(kNow).has_value()) << "the second waits for the first";
  EXPECT_TRUE(outbox.Delivered("one"));
  EXPECT_EQ(outbox.Next(kNow)->request_id(), "two");
}

TEST(KeptOutboxTest, SendsAgainWhatIsNotAnswered) {
  KeptOutbox outbox;
  outbox.Put(EntryOf("one"));
  outbox.Sent(kNow);
  EXPECT_FALSE(outbox.Next(kNow + absl::Seconds(4)).has_value());
  ASSERT_TRUE(outbox.Next(kNow + absl::Seconds(6)).has_value());
  outbox.Sent(kNow + absl::Seconds(6));
  outbox.Again(kNow + absl::Seconds(7));  // another connection
  EXPECT_TRUE(outbox.Next(kNow + absl::Seconds(7)).has_value());
  EXPECT_FALSE(outbox.Delivered("two"));
  EXPECT_TRUE(outbox.Delivered("one"));
  EXPECT_FALSE(outbox.Next(kNow + absl::Hours(1)).has_value());
}

TEST(KeptOutboxTest, OneOfTheSameIdIsNotPutTwice) {
  KeptOutbox outbox;
  outbox.Put(EntryOf("one"));
  outbox.Put(EntryOf("one"));
  EXPECT_TRUE(outbox.Delivered("one"));
  EXPECT_FALSE(outbox.Next(kNow).has_value());
}

class KeepTest : public ::testing::Test {
 protected:
  KeepTest() {
    auto opened = store::FollowerStore::Open({.path = "store.db", .vfs = disk_.vfs()});
    EXPECT_TRUE(opened.ok()) << opened.status();
    store_ = *std::move(opened);
    before_ = SetOf({{"1", "{\"a\":1}"}, {"2", "{}"}});
    after_ = SetOf({{"1", "{\"a\":2}"}, {"3", "{}"}});
  }

  using SetPtr = std::shared_ptr<const config::ObjectSet>;
  static SetPtr SetOf(const std::vector<std::pair<std::string, std::string>>& subnets) {
    auto set = std::make_shared<config::ObjectSet>();
    for (const auto& [key, json] : subnets) set->Put({config::Kind::kSubnet, key}, json);
    (void)set->Digest();
    return set;
  }
  std::optional<v1::HistoryEntry> Keep(bool open, SetPtr after,
                                       absl::Time now = absl::UnixEpoch()) {
    const auto entry = CarryOut({1, "k1", open, before_, std::move(after), "reload", "changed"},
                                "east", now, *store_);
    EXPECT_TRUE(entry.ok()) << entry.status();
    return *entry;
  }
  protocol::StandingMemory Load(KeptOutbox& outbox) {
    protocol::Position position;
    position.digest = config::Bytes(before_->Digest());
    auto memory = LoadStanding("east", position, *store_, outbox);
    EXPECT_TRUE(memory.ok()) << memory.status();
    return *memory;
  }

  testing::SimDisk disk_;
  std::unique_ptr<store::FollowerStore> store_;
  SetPtr before_, after_;
};

TEST_F(KeepTest, AnOpenOneIsFoundAtTheNextStart) {
  EXPECT_FALSE(Keep(true, after_).has_value());
  KeptOutbox outbox;
  const auto memory = Load(outbox);
  EXPECT_EQ(memory.id, "k1");
  EXPECT_EQ(memory.digest, config::Bytes(after_->Digest()));
  EXPECT_EQ(memory.base, nullptr);
  EXPECT_FALSE(outbox.Next(kNow).has_value());
}

TEST_F(KeepTest, AClosedOneTellsWhatItWasMadeFromAndSinceWhen) {
  (void)Keep(true, SetOf({{"1", "{\"a\":1}"}}));
  const auto entry = Keep(false, after_, absl::UnixEpoch() + absl::Hours(1));
  ASSERT_TRUE(entry.has_value());
  ASSERT_THAT(entry->upserted(), SizeIs(2));
  EXPECT_EQ(entry->upserted(0).object(), "{\"a\":2}");
  ASSERT_THAT(entry->removed(), SizeIs(1));
  EXPECT_THAT(entry->replaced(), SizeIs(2));
  EXPECT_EQ(entry->time().seconds(), 0) << "when the first of it was noticed";
  EXPECT_THAT(entry->detail(), HasSubstr("last noticed 1970-01-01T01:00:00Z"));
  KeptOutbox outbox;
  EXPECT_EQ(Load(outbox).id, "");
  EXPECT_EQ(outbox.Next(kNow)->request_id(), "k1");
  EXPECT_THAT(*store_->History("east", 0), SizeIs(1));
}

TEST_F(KeepTest, WhatWasUndoneIsForgotten) {
  (void)Keep(true, after_);
  (void)Keep(true, before_);
  EXPECT_THAT(*store_->Kept("east"), SizeIs(0));
}

TEST_F(KeepTest, TheBaseIsOfItsDigestAlone) {
  ASSERT_TRUE(CarryOut(protocol::SaveBase{before_}, "east", *store_).ok());
  KeptOutbox outbox;
  const auto memory = Load(outbox);
  ASSERT_NE(memory.base, nullptr);
  EXPECT_EQ(memory.base->Digest(), before_->Digest());
  before_ = after_;
  EXPECT_EQ(Load(outbox).base, nullptr);
}

TEST_F(KeepTest, OfTwoThatAreOpenTheOlderIsClosed) {
  (void)Keep(true, after_);
  ASSERT_TRUE(
      CarryOut({1, "k2", true, before_, after_, "", ""}, "east", absl::UnixEpoch(), *store_).ok());
  KeptOutbox outbox;
  EXPECT_EQ(Load(outbox).id, "k2");
  EXPECT_EQ(outbox.Next(kNow)->request_id(), "k1");
}

}  // namespace
}  // namespace nestor::secondary
