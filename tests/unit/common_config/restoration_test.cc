#include "common/config/restoration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/status.h"
#include "common/config/kea_config.h"
#include "common/config/proto.h"

namespace nestor::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

ObjectId Subnet(int id) { return {Kind::kSubnet, fmt::format("{}", id)}; }
ObjectId Reservation(int subnet, std::string_view mac) {
  return {Kind::kReservation, fmt::format("{}/hw-address/{}", subnet, mac)};
}
ObjectId Order() { return {Kind::kGlobal, std::string(kClassOrder)}; }

using Objects = std::vector<std::pair<ObjectId, std::string>>;

ObjectSet SetOf(const Objects& objects) {
  ObjectSet set;
  for (const auto& [id, json] : objects) set.Put(id, json);
  return set;
}

// As it is kept of what led from `before` to `after`.
v1::HistoryEntry EntryOf(const ObjectSet& before, const ObjectSet& after) {
  v1::HistoryEntry entry;
  entry.set_what("kept");
  entry.set_entry(7);
  const ChangeSet change = Diff(before, after);
  for (const auto& upsert : change.upserted) {
    ToProto(upsert.id, upsert.json, *entry.add_upserted());
    if (const Object* was = before.Find(upsert.id)) {
      ToProto(upsert.id, was->json, *entry.add_replaced());
    }
  }
  for (const ObjectId& id : change.removed) {
    ToProto(id, *entry.add_removed());
    ToProto(id, before.Find(id)->json, *entry.add_replaced());
  }
  return entry;
}

class RestorationTest : public ::testing::Test {
 protected:
  const ObjectSet before_ = SetOf({{Subnet(1), "{\"a\":1}"}, {Subnet(2), "{}"}});
  // 1 changed, 2 removed, 3 added.
  const ObjectSet after_ = SetOf({{Subnet(1), "{\"a\":2}"}, {Subnet(3), "{}"}});

  Restoration Restored(const ObjectSet& running) {
    auto restored = Restore(EntryOf(before_, after_), running);
    EXPECT_TRUE(restored.ok()) << restored.status();
    return *std::move(restored);
  }
  static std::vector<std::string> ConflictsOf(const Restoration& restoration) {
    std::vector<std::string> texts;
    for (const auto& one : restoration.conflicts) {
      texts.push_back(fmt::format("{}: {} | {} | {}", one.id.key, one.before, one.now, one.after));
    }
    return texts;
  }
};

TEST_F(RestorationTest, WhereNothingChangedSinceItIsBroughtBackWhole) {
  const Restoration restored = Restored(before_);
  EXPECT_EQ(restored.wanted.Digest(), after_.Digest());
  EXPECT_THAT(restored.conflicts, IsEmpty());
}

TEST_F(RestorationTest, WhatThePrimaryHasBesidesStays) {
  ObjectSet running = before_;
  running.Put(Subnet(9), "{}");
  const Restoration restored = Restored(running);
  EXPECT_NE(restored.wanted.Find(Subnet(9)), nullptr);
  EXPECT_THAT(restored.conflicts, IsEmpty());
}

TEST_F(RestorationTest, WhatIsSoAlreadyIsNoConflict) {
  const Restoration restored = Restored(after_);
  EXPECT_EQ(restored.wanted.Digest(), after_.Digest());
  EXPECT_THAT(restored.conflicts, IsEmpty());
}

TEST_F(RestorationTest, EachObjectThatChangedSinceIsAConflict) {
  const ObjectSet running = SetOf({{Subnet(1), "{\"a\":9}"}, {Subnet(3), "{\"b\":1}"}});
  const Restoration restored = Restored(running);
  EXPECT_THAT(ConflictsOf(restored),
              ElementsAre("1: {\"a\":1} | {\"a\":9} | {\"a\":2}", "3:  | {\"b\":1} | {}"));
  EXPECT_EQ(restored.wanted.Digest(), after_.Digest());
}

TEST_F(RestorationTest, WhatWasRemovedAndChangedSinceIsAConflict) {
  ObjectSet running = before_;
  running.Put(Subnet(2), "{\"new\":true}");
  EXPECT_THAT(ConflictsOf(Restored(running)), ElementsAre("2: {} | {\"new\":true} | "));
}

TEST_F(RestorationTest, WithASubnetGoReservationsThatTheEntryDoesNotKnow) {
  const ObjectSet before =
      SetOf({{Subnet(2), "{}"}, {Reservation(2, "aa"), "{}"}, {Subnet(22), "{}"}});
  const ObjectSet after = SetOf({{Subnet(22), "{}"}});
  ObjectSet running = before;
  running.Put(Reservation(2, "bb"), "{}");
  running.Put(Reservation(22, "cc"), "{}");
  const auto restored = Restore(EntryOf(before, after), running);
  ASSERT_TRUE(restored.ok()) << restored.status();
  EXPECT_THAT(ConflictsOf(*restored), ElementsAre("2/hw-address/bb:  | {} | "));
  EXPECT_EQ(restored->wanted.Digest(),
            SetOf({{Subnet(22), "{}"}, {Reservation(22, "cc"), "{}"}}).Digest());
}

TEST_F(RestorationTest, AClassComesBehindThoseThatCameSince) {
  const auto classes = [](const std::vector<std::string>& names) {
    ObjectSet set;
    std::string order;
    for (const std::string& name : names) {
      set.Put({Kind::kClientClass, name}, "{}");
      order += fmt::format("{}\"{}\"", order.empty() ? "[" : ",", name);
    }
    set.Put(Order(), order + "]");
    return set;
  };
  const auto restored =
      Restore(EntryOf(classes({"a", "b"}), classes({"kept", "a"})), classes({"a", "b", "since"}));
  ASSERT_TRUE(restored.ok()) << restored.status();
  EXPECT_THAT(restored->conflicts, IsEmpty());
  EXPECT_EQ(restored->wanted.Digest(), classes({"a", "since", "kept"}).Digest());
  const auto reordered =
      Restore(EntryOf(classes({"a", "b"}), classes({"b", "a"})), classes({"a", "b", "since"}));
  EXPECT_THAT(ConflictsOf(*reordered), ElementsAre(HasSubstr("client-class-order")));
}

TEST_F(RestorationTest, RefusesWhatHoldsNothingOrNotAll) {
  v1::HistoryEntry entry;
  entry.set_what("resync");
  entry.set_entry(7);
  EXPECT_THAT(std::string(Message(Restore(entry, before_).status())),
              HasSubstr("entry e7 (resync) holds no objects"));
  entry = EntryOf(before_, after_);
  entry.set_left_out(3);
  EXPECT_THAT(std::string(Message(Restore(entry, before_).status())),
              HasSubstr("3 objects are not in the history"));
  entry = EntryOf(before_, after_);
  entry.mutable_upserted(0)->set_object("no json");
  EXPECT_FALSE(Restore(entry, before_).ok());
}

}  // namespace
}  // namespace nestor::config
